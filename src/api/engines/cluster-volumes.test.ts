import assert from "node:assert/strict";
import { test } from "node:test";
import { openTwoHosts, sendJson } from "./test-two-hosts.ts";

const volume = (Name: string, Mountpoint: string) => ({ Name, Mountpoint, Driver: "local" });

test("each volume is listed once, shown where it is, and removed everywhere", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  const near = [volume("data", "/near"), volume("both", "/near")];
  const away = [volume("far", "/far"), volume("both", "/far")];
  api.engine.on("GET /volumes", (_request, response) => sendJson(response, { Volumes: near, Warnings: null }));
  far.on("GET /volumes", (_request, response) => sendJson(response, { Volumes: away, Warnings: ["odd"] }));
  const { json } = await api.get("/v1.45/volumes");
  const { Volumes, Warnings } = json as { readonly Volumes: readonly { readonly Name: string }[]; Warnings: unknown };
  assert.deepEqual([Volumes.map(({ Name }) => Name).toSorted(), Warnings], [["both", "data", "far"], ["odd"]]);

  far.on("GET /volumes/far", (_request, response) => sendJson(response, volume("far", "/far")));
  assert.deepEqual((await api.get("/v1.45/volumes/far")).json, volume("far", "/far"));

  far.on("DELETE /volumes/far", (_request, response) => response.writeHead(204).end());
  assert.equal((await api.call("DELETE", "/v1.45/volumes/far")).status, 204);
  assert.ok(far.requests.includes("DELETE /v1.45/volumes/far?"));
});

test("all hosts are pruned, and what one does not do is told", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  const pruned = (...ContainersDeleted: string[]) => ({ ContainersDeleted, SpaceReclaimed: ContainersDeleted.length });
  api.engine.on("POST /containers/prune", (_request, response) => sendJson(response, pruned("a", "b")));
  far.on("POST /containers/prune", (_request, response) => sendJson(response, pruned("c")));
  const { json } = await api.call("POST", "/v1.45/containers/prune");
  assert.deepEqual(json, { ContainersDeleted: ["a", "b", "c"], SpaceReclaimed: 3 });
  far.on("POST /containers/prune", (_request, response) => sendJson(response, { message: "running already" }, 409));
  const { json: own, headers } = await api.call("POST", "/v1.45/containers/prune");
  assert.deepEqual(own, { ContainersDeleted: ["a", "b"], SpaceReclaimed: 2 });
  assert.match(String(headers["warning"]), /without h2 \(.*running already/);
  api.engine.on("POST /containers/prune", (_request, response) => sendJson(response, { message: "bad filter" }, 400));
  assert.equal((await api.call("POST", "/v1.45/containers/prune")).status, 400);
});
