import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { aNetwork, aService, aTask } from "#api/test-cluster.ts";
import { aLeadership, ID, openTwoHosts, sendJson } from "./test-two-hosts.ts";

test("containers of all hosts are listed, the newest first, with their hosts", async () => {
  await using cluster = await openTwoHosts();
  assert.deepEqual(await cluster.names(), ["/db /h2/db", "/web /h1/web"]);
  assert.deepEqual(await cluster.names("?limit=1"), ["/db /h2/db"]);
  const filtered = (filters: object) => cluster.names(`?filters=${encodeURIComponent(JSON.stringify(filters))}`);
  assert.deepEqual(await filtered({ node: ["h1"] }), ["/web /h1/web"]);
  assert.deepEqual(await filtered({ before: ["db"] }), ["/web /h1/web"]);
  assert.deepEqual(await filtered({ since: ["h1/web"] }), ["/db /h2/db"]);
  assert.deepEqual(await filtered({ "is-task": ["true"] }), []);
  const refused = await cluster.api.get(
    `/v1.45/containers/json?filters=${encodeURIComponent('{"is-task":["maybe"]}')}`,
  );
  assert.deepEqual([refused.status, refused.json], [400, { message: "Invalid filter 'is-task=[maybe]'" }]);
  assert.deepEqual(await cluster.names(`?limit=1&filters=${encodeURIComponent('{"before":["db"]}')}`), [
    "/web /h1/web",
  ]);
  assert.match(
    cluster.far.requests.at(-1) ?? "",
    /\?filters=%7B%7D&all=1$/,
    "an engine would count the one that is left out",
  );
  const { json } = await cluster.api.get("/v1.45/containers/json");
  const [{ Ports } = assert.fail()] = json as readonly { readonly Ports: unknown }[];
  assert.deepEqual(Ports, [{ IP: "10.0.0.2", PrivatePort: 80, PublicPort: 8080, Type: "tcp" }]);
});

test("what an engine refuses is refused", async () => {
  await using cluster = await openTwoHosts();
  const { api, far } = cluster;
  far.on("GET /containers/json", (_request, response) => sendJson(response, { message: "bad filter 🐳" }, 400));
  const refused = await api.get("/v1.45/containers/json");
  assert.deepEqual([refused.status, refused.json], [400, { message: "bad filter 🐳" }]);
  const own = [{ Id: ID.web, Names: ["/web"] }];
  api.engine.on("GET /containers/json", (_request, response) => sendJson(response, own));
  far.on("GET /containers/json", (_request, response) => sendJson(response, { message: "out of order 🐳" }, 500));
  const { status, headers } = await api.get("/v1.45/containers/json");
  assert.deepEqual([status, headers["warning"]], [200, '199 flotilla "without h2 (out of order  )"']);
  api.engine.on("GET /containers/json", (_request, response) => sendJson(response, { message: "bad limit" }, 500));
  const nobody = await api.get("/v1.45/containers/json?limit=x");
  assert.equal(nobody.status, 500, "nobody can answer that");
});

test("calls reach the engine that has the container, by what the client calls it", async () => {
  await using cluster = await openTwoHosts();
  const { api, far } = cluster;
  for (const [reference, there] of [
    ["db", "db"],
    ["h2/db", "db"],
    ["%2Fdb", "db"],
    [ID.db, ID.db],
    ["bbbb", "bbbb"],
  ]) {
    const stopped = far.requests.length;
    far.on(`POST /containers/${there}/stop`, (_request, response) => response.writeHead(204).end());
    assert.equal((await api.call("POST", `/v1.45/containers/${reference}/stop?t=1`)).status, 204, reference);
    assert.ok(far.requests.slice(stopped).includes(`POST /v1.45/containers/${there}/stop?t=1`), reference);
  }
});

test("of what no engine has, this host's engine says so", async () => {
  await using cluster = await openTwoHosts();
  const { api } = cluster;
  for (const call of [
    "POST /containers/nobody/stop",
    "DELETE /containers/nobody",
    "DELETE /containers/",
    "POST /containers/nobody/rename",
    "POST /commit",
    "POST /exec/e9/start",
    "GET /images/nope/json",
    "POST /images/nope/tag",
    "DELETE /images/nope",
    "GET /volumes/nope",
    "DELETE /volumes/nope",
    "GET /containers//json",
    "GET /containers/../containers/json",
  ]) {
    const [method = "", path = ""] = call.split(" ");
    const message = `there is no ${path}`;
    api.engine.on(call, (_request, response) => sendJson(response, { message }, 404));
    const { status, json } = await api.call(method, `/v1.45${path}`);
    assert.deepEqual([status, json], [404, { message }], call);
  }
});

test("a task's container is used by the task's id, but an inspected task is no container", async () => {
  await using cluster = await openTwoHosts();
  const { api, far, farId, control } = cluster;
  const service = aService("web1", "web");
  const container = { containerId: ID.db, pid: 1, exitCode: 0 };
  const status = { state: "running", timestamp: 0, message: "", container } as const;
  const task = aTask("task1", service, { nodeId: farId, status });
  control.view.objects.push(service, task);
  far.on(`POST /containers/${ID.db}/stop`, (_request, response) => response.writeHead(204).end());
  assert.equal((await api.call("POST", `/v1.45/containers/${task.id}/stop`)).status, 204);
  assert.equal((await api.get(`/v1.45/containers/${task.id}/json`)).status, 404);
});

test("an inspected container shows its host", async () => {
  await using cluster = await openTwoHosts();
  const { json } = await cluster.api.get("/v1.45/containers/db/json");
  const { Name, Node } = json as { readonly Name: string; readonly Node: { readonly Name: string } };
  assert.deepEqual([Name, Node.Name], ["/db", "h2"]);
});

test("a container shows its networks with the ids that the cluster has for them", async () => {
  await using cluster = await openTwoHosts();
  const { api, control, far } = cluster;
  const app = aNetwork("app", "app");
  control.view.objects.push(app);
  const onNetworks = {
    app: { NetworkID: "bridge", IPAMConfig: { IPv4Address: "10.0.1.7" }, IPAddress: "" },
    bridge: { NetworkID: "docker0", IPAMConfig: null, IPAddress: "172.17.0.2" },
  };
  const networks = (document: unknown) =>
    (document as { NetworkSettings: { Networks: object } }).NetworkSettings.Networks;
  const shown = { ...onNetworks, app: { ...onNetworks.app, NetworkID: app.id } };
  const inspected = { Id: ID.db, Name: "/db", NetworkSettings: { Networks: onNetworks } };
  far.on("GET /containers/db/json", (_request, response) => sendJson(response, inspected));
  assert.deepEqual(networks((await api.get("/v1.45/containers/db/json")).json), shown);
  const summary = { Id: ID.db, Names: ["/db"], Created: 2_000, NetworkSettings: { Networks: onNetworks } };
  far.on("GET /containers/json", (_request, response) => sendJson(response, [summary]));
  const filters = encodeURIComponent(JSON.stringify({ network: [app.id], node: ["h2"] }));
  const [listed] = (await api.get(`/v1.45/containers/json?filters=${filters}`)).json as readonly unknown[];
  assert.deepEqual(networks(listed), shown);
  assert.match(decodeURIComponent(far.requests.at(-1) ?? ""), /filters=\{"network":\["app"\]\}$/);

  const namesake = { app: { ...onNetworks.app, IPAMConfig: {}, IPAddress: "192.168.5.2" } };
  const other = { ...inspected, NetworkSettings: { Networks: namesake } };
  far.on("GET /containers/db/json", (_request, response) => sendJson(response, other));
  assert.deepEqual(networks((await api.get("/v1.45/containers/db/json")).json), namesake);
});

test("an exec is found again on the host where it was created", async () => {
  await using cluster = await openTwoHosts();
  const { api, far } = cluster;
  far.on("POST /containers/db/exec", (_request, response) => sendJson(response, { Id: "e1" }, 201));
  far.on("POST /exec/e1/resize", (_request, response) => response.writeHead(200).end());
  far.on("GET /exec/e2/json", (_request, response) => sendJson(response, { ID: "e2" }));
  const created = await api.call("POST", "/v1.45/containers/db/exec", { Cmd: ["true"] });
  assert.deepEqual([created.status, created.json], [201, { Id: "e1" }]);
  assert.equal((await api.call("POST", "/v1.45/exec/e1/resize?h=1&w=1")).status, 200);
  assert.equal((await api.get("/v1.45/exec/e2/json")).status, 200, "one of another manager's");
  assert.equal((await api.get("/v1.45/exec/e3/json")).status, 404);
});

test("a container is created on the host that its wishes lead to, without them", async () => {
  await using cluster = await openTwoHosts();
  const { api, far } = cluster;
  const bodies: unknown[] = [];
  far.on("POST /containers/create", (request: IncomingMessage, response) => {
    void text(request).then((body) => {
      bodies.push(JSON.parse(body));
      sendJson(response, { Id: "c".repeat(64), Warnings: [] }, 201);
    });
  });
  const created = await api.call("POST", "/v1.45/containers/create?name=new", {
    Image: "app",
    Env: ["A=1", "constraint:node==h2"],
  });
  assert.deepEqual([created.status, created.json], [201, { Id: "c".repeat(64), Warnings: [] }]);
  const Labels = { "com.docker.swarm.constraints": '["node==h2"]' };
  assert.deepEqual(bodies, [{ Image: "app", Env: ["A=1"], Labels }]);
  assert.ok(far.requests.includes("POST /v1.45/containers/create?name=new"));
  const dependent = { Image: "app", HostConfig: { VolumesFrom: ["nobody:ro", "db:wrong"], Links: ["db:alias"] } };
  await api.call("POST", "/v1.45/containers/create", dependent);
  assert.deepEqual(bodies.at(-1), dependent, "where the one is that is there; of the other the engine says so");
  const taken = await api.call("POST", "/v1.45/containers/create?name=db", { Image: "app" });
  assert.equal(taken.status, 409);
  const nowhere = await api.call("POST", "/v1.45/containers/create", { Image: "app", Env: ["constraint:node==h9"] });
  assert.deepEqual([nowhere.status, /\[node==h9\]/.test(nowhere.text)], [503, true]);
});

test("what is no container is refused before it gets a host", async () => {
  await using cluster = await openTwoHosts();
  const { api } = cluster;
  const create = (body: string, type = "application/json") =>
    api.call("POST", "/v1.45/containers/create", body, { "Content-Type": type });
  for (const body of [
    "",
    "{",
    "[]",
    "null",
    '{"Env":"A=b"}',
    '{"env":[5]}',
    '{"Labels":["a"]}',
    '{"Labels":{"a":5}}',
  ]) {
    const { status, text: refusal } = await create(body);
    assert.equal(status, 400, body);
    assert.match(refusal, /^\{"message":"invalid JSON: /, body);
  }
  assert.match((await create("{}", "text/plain")).text, /unsupported Content-Type/);
  api.engine.on("POST /containers/create", (_request, response) => sendJson(response, { Id: "e1" }, 201));
  const here = '"Image":"app","Labels":{"a":null,"com.docker.swarm.constraints":"[\\"node==h1\\"]"}';
  assert.equal((await create(`{${here},"Env":[null,"A=1"]}`)).status, 201);
});

test("where a container goes, and what it is called, is decided by the leader", async () => {
  await using hosts = await openTwoHosts();
  const { api, far, control } = hosts;
  control.view.objects.push(aLeadership(hosts.farId));
  const bodies: unknown[] = [];
  far.on("POST /containers/create", (request: IncomingMessage, response) => {
    void text(request).then((body) => {
      bodies.push(JSON.parse(body));
      sendJson(response, { Id: "c".repeat(64), Warnings: [] }, 201);
    });
  });
  const document = { Image: "app", Env: ["constraint:node==h1"] };
  const created = await api.call("POST", "/v1.45/containers/create?name=new", document);
  assert.deepEqual([created.status, bodies], [201, [document]]);
  assert.deepEqual(hosts.reached.at(-1), [hosts.farId, "manager"]);
  far.on("POST /containers/web/rename", (_request, response) => response.writeHead(204).end());
  assert.equal((await api.call("POST", "/v1.45/containers/web/rename?name=front")).status, 204);
  assert.deepEqual(control.calls, [], "the leader tells of it");
  hosts.lose();
  await far.stop();
  api.engine.on("POST /containers/create", (_request, response) => sendJson(response, { Id: "d".repeat(64) }, 201));
  const alone = await api.call("POST", "/v1.45/containers/create", { Image: "app" });
  assert.deepEqual([alone.status, alone.json], [201, { Id: "d".repeat(64) }], "without the leader");
});

test("a name that another container has is not given away", async () => {
  await using cluster = await openTwoHosts();
  const { api, far } = cluster;
  const refused = await api.call("POST", "/v1.45/containers/db/rename?name=web");
  assert.equal(refused.status, 409);
  assert.match(refused.text, /^\{"message":"Error when allocating new name: Conflict\. .* on h1\./);
  far.on("POST /containers/db/rename", (_request, response) => sendJson(response, { message: "the same" }, 400));
  const same = await api.call("POST", "/v1.45/containers/db/rename?name=db");
  assert.deepEqual([same.status, same.json], [400, { message: "the same" }], "its own engine says what it is");
});

test("a container's new name is told to those who ask for it", async () => {
  await using cluster = await openTwoHosts();
  const { api, far, control, farId } = cluster;
  far.on("POST /containers/db/rename", (_request, response) => response.writeHead(204).end());
  assert.equal((await api.call("POST", "/v1.45/containers/db/rename?name=data")).status, 204);
  assert.deepEqual(control.calls, [["renameAttached", farId, "db", "data"]]);
  far.on("POST /containers/db/rename", (_request, response) => sendJson(response, { message: "no" }, 500));
  assert.equal((await api.call("POST", "/v1.45/containers/db/rename?name=more")).status, 500);
  assert.equal(control.calls.length, 1);
});

test("a lost host is left out, and shown as down when all are asked for", async () => {
  await using cluster = await openTwoHosts();
  cluster.lose();
  await cluster.far.stop();
  const { headers } = await cluster.api.get("/v1.45/containers/json");
  assert.match(String(headers["warning"]), /^199 flotilla "without h2 \(/);
  assert.deepEqual(await cluster.names(), ["/web /h1/web"]);
  const { json } = await cluster.api.get("/v1.45/containers/json?all=1");
  const statuses = (json as readonly { readonly Status: string }[]).map(({ Status }) => Status);
  assert.deepEqual(statuses, ["Host Down", "Up"]);
  assert.equal((await cluster.api.call("POST", "/v1.45/containers/db/stop")).status, 503);
});
