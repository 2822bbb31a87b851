import assert from "node:assert/strict";
import { json } from "node:stream/consumers";
import { test } from "node:test";
import { ACTIVE_MANAGER } from "#api/test-cluster.ts";
import { container } from "#store/testing/samples.ts";
import { ID, openTwoHosts, sendJson } from "./test-two-hosts.ts";

const SWARM_ID = "e".repeat(64);
const NEW = "f".repeat(64);
const MOVES = "reschedule:on-node-failure";

test("what is left of a container that was moved is met by nobody", async () => {
  await using hosts = await openTwoHosts();
  const { api, far, control } = hosts;
  const place = { nodeId: ACTIVE_MANAGER.nodeId, containerId: ID.web };
  const remnants = [{ nodeId: hosts.farId, containerId: ID.db }];
  control.view.objects.push(container(SWARM_ID, { name: "web", place, remnants }));
  assert.deepEqual(await hosts.names("?all=1"), ["/web /h1/web"]);
  far.on("GET /containers/db/json", (_request, response) => sendJson(response, { Id: ID.db, Name: "/db", Config: {} }));
  for (const reference of ["db", ID.db, "bbbb", "h2/db"]) {
    assert.equal((await api.get(`/v1.45/containers/${reference}/json`)).status, 404, reference);
  }
  api.engine.on("POST /containers/create", (_request, response) => sendJson(response, { Id: NEW }, 201));
  const created = await api.call("POST", "/v1.45/containers/create?name=db", {
    Image: "app",
    Env: ["constraint:node==h1"],
  });
  assert.equal(created.status, 201, "its name is free");
});

test("a container is found by the id that it keeps when it moves", async () => {
  await using hosts = await openTwoHosts();
  const place = { nodeId: hosts.farId, containerId: ID.db };
  hosts.control.view.objects.push(container(SWARM_ID, { name: "db", place }));
  const { json: found } = await hosts.api.get(`/v1.45/containers/${SWARM_ID}/json`);
  assert.equal((found as { readonly Name: string }).Name, "/db");
});

test("the name of a container that waits to be moved is taken", async () => {
  await using hosts = await openTwoHosts();
  const place = { nodeId: "nobody", containerId: NEW };
  hosts.control.view.objects.push(container(SWARM_ID, { name: "waits", place }));
  const taken = await hosts.api.call("POST", "/v1.45/containers/create?name=waits", { Image: "app" });
  assert.equal(taken.status, 409);
  const renamed = await hosts.api.call("POST", "/v1.45/containers/web/rename?name=waits");
  assert.equal(renamed.status, 409);
});

test("a container that may move gets an id of its own, whatever label its client has copied", async () => {
  await using hosts = await openTwoHosts();
  const ids: unknown[] = [];
  hosts.api.engine.on("POST /containers/create", (request, response) => {
    void json(request).then((document) => {
      const { Labels = {} } = document as { readonly Labels?: Readonly<Record<string, string>> };
      ids.push(Labels["com.docker.swarm.id"]);
      sendJson(response, { Id: NEW }, 201);
    });
  });
  const Labels = { "com.docker.swarm.id": SWARM_ID };
  for (const Env of [[MOVES], [MOVES], []]) {
    const document = { Image: "app", Env: [...Env, "constraint:node==h1"], Labels };
    const { status } = await hosts.api.call("POST", "/v1.45/containers/create", document);
    assert.equal(status, 201);
  }
  const [first, second, unmoved] = ids;
  assert.match(String(first), /^[0-9a-f]{64}$/);
  assert.equal(new Set([first, second, SWARM_ID]).size, 3);
  assert.equal(unmoved, SWARM_ID);
});

test("a creation that broke off is not made again on another host", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  const creations: string[] = [];
  api.engine.on("POST /containers/create", (_request, response) => {
    creations.push("h1");
    sendJson(response, { message: "No such image: rare:1" }, 404);
  });
  far.on("GET /images/rare/json", (_request, response) => sendJson(response, { Id: "sha256:1" }));
  far.on("POST /containers/create", () => {
    creations.push("h2");
    hosts.breakOff();
  });
  const Env = ["affinity:container==~web"];
  const broken = await api.call("POST", "/v1.45/containers/create?name=one", { Image: "rare", Env });
  assert.deepEqual([broken.status, creations], [503, ["h1", "h2"]]);
});
