import assert from "node:assert/strict";
import { json } from "node:stream/consumers";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
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

test("what the leader has removed from a host that came back is forgotten, though the host is not followed yet", async () => {
  await using hosts = await openTwoHosts();
  const place = { nodeId: ACTIVE_MANAGER.nodeId, containerId: ID.web };
  const old = container(SWARM_ID, { place, remnants: [{ nodeId: hosts.farId, containerId: ID.db }] });
  hosts.control.view.objects.push(old);
  hosts.lose();
  await hosts.far.stop();
  const object = { ...old, remnants: [] };
  hosts.control.view.objects.splice(-1, 1, object);
  hosts.control.published.publish({ revision: 2, changes: [{ type: "update", kind: "container", object, old }] });
  await setTimeout(10);
  assert.deepEqual(await hosts.names("?all=1"), ["/web /h1/web"]);
});

test("a container that waits to be moved is listed, though this manager has never seen its host", async () => {
  await using hosts = await openTwoHosts();
  const place = { nodeId: "nobody", containerId: NEW };
  const Labels = { app: "shop" };
  const recipe = { document: { Image: "app:1", Labels }, networks: [], addresses: {} };
  hosts.control.view.objects.push(container(SWARM_ID, { name: "waits", place, recipe }));
  assert.deepEqual((await hosts.names("?all=1")).toSorted(), ["/db /h2/db", "/waits", "/web /h1/web"]);
  const filters = encodeURIComponent(JSON.stringify({ node: ["nobody"], label: ["app=shop"] }));
  const { json: listed } = await hosts.api.get(`/v1.45/containers/json?all=1&filters=${filters}`);
  const [waits] = listed as readonly { readonly Image: string; readonly Status: string }[];
  assert.deepEqual([waits?.Image, waits?.Status], ["app:1", "Host Down"]);
  assert.equal((await hosts.names()).length, 2, "it does not run");
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
