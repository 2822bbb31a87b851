import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { aCluster, aConfig, aNode, aSecret, aService, aTask } from "./test-cluster.ts";
import { startTestApi } from "./test-server.ts";

const id = (text: string): string => text.padEnd(25, "0");
for (const { name, path, status, message } of [
  { name: "by id", path: `/services/${id("abc1")}`, status: 200, message: undefined },
  { name: "by name", path: "/services/web", status: 200, message: undefined },
  { name: "by prefix", path: "/services/abc1", status: 200, message: undefined },
  { name: "a name before a prefix", path: "/services/abc", status: 200, message: undefined },
  { name: "another case of letters", path: "/services/WEB", status: 404, message: "service WEB not found" },
  {
    name: "an ambiguous prefix",
    path: "/services/ab",
    status: 400,
    message: "service ab is ambiguous (2 matches found)",
  },
  {
    name: "two hosts of one name",
    path: "/nodes/twin",
    status: 400,
    message: "node twin is ambiguous (2 matches found)",
  },
  { name: "nothing", path: "/tasks/none", status: 404, message: "task none not found" },
  { name: "a task's name", path: `/tasks/web.1.${id("t1")}`, status: 200, message: undefined },
  { name: "a secret in any case", path: "/secrets/PW", status: 200, message: undefined },
  { name: "escaped", path: "/configs/no%2Fsuch", status: 404, message: "config no/such not found" },
]) {
  test(`resolution: ${name}`, async () => {
    const web = aService("abc1", "web");
    await using api = await startTestApi([
      web,
      aService("abd2", "abc"),
      aTask("t1", web),
      aNode("n1", "twin"),
      aNode("n2", "twin"),
      aSecret("s1", "pw"),
    ]);
    const reply = await api.get(path);
    assert.equal(reply.status, status);
    if (message !== undefined) assert.deepEqual(reply.json, { message });
  });
}

const NODE_SPEC = { Labels: { a: "b" }, Role: "worker", Availability: "drain" };
const objects = [aCluster(), aNode("n1", "h1"), aService("s1", "web"), aSecret("x1", "pw"), aConfig("c1", "conf")];
const SERVICE = { Name: "web", TaskTemplate: { ContainerSpec: { Image: "nginx" } } };
const DECODED = {
  Name: "web",
  Labels: {},
  TaskTemplate: { ContainerSpec: { Image: "nginx", Isolation: "default" }, ForceUpdate: 0 },
  Mode: { Replicated: { Replicas: 1 } },
};

for (const { method, path, body, headers, status, json, call } of [
  {
    method: "POST",
    path: "/nodes/h1/update?version=7",
    body: NODE_SPEC,
    status: 200,
    call: ["updateNode", id("n1"), 7, NODE_SPEC],
  },
  { method: "DELETE", path: "/nodes/h1?force=1", status: 200, call: ["removeNode", id("n1"), true] },
  { method: "DELETE", path: "/nodes/n1", status: 200, call: ["removeNode", id("n1"), false] },
  {
    method: "POST",
    path: "/v1.45/services/create",
    body: SERVICE,
    headers: { "X-Registry-Auth": "e30=" },
    status: 201,
    json: { ID: "new-id" },
    call: ["createService", DECODED, { registryAuth: "e30=" }],
  },
  {
    method: "POST",
    path: "/services/web/update?version=7&registryAuthFrom=previous-spec&rollback=previous",
    body: SERVICE,
    status: 200,
    json: { Warnings: ["careful"] },
    call: ["updateService", id("s1"), 7, DECODED, { registryAuthFrom: "previous-spec", rollback: true }],
  },
  { method: "DELETE", path: "/services/web", status: 200, call: ["removeService", id("s1")] },
  {
    method: "POST",
    path: "/secrets/create",
    body: { Name: "a", Data: "eA==" },
    status: 201,
    json: { ID: "new-secret" },
    call: ["createSecret", { Name: "a", Labels: {}, Data: "eA==" }],
  },
  {
    method: "POST",
    path: "/secrets/pw/update?version=7",
    body: { Name: "pw", Labels: { l: "" } },
    status: 200,
    call: ["updateSecret", id("x1"), 7, { Name: "pw", Labels: { l: "" } }],
  },
  { method: "DELETE", path: "/secrets/pw", status: 204, call: ["removeSecret", id("x1")] },
  {
    method: "POST",
    path: "/configs/create",
    body: { Name: "a", Data: "eA==" },
    status: 201,
    json: { ID: "new-config" },
    call: ["createConfig", { Name: "a", Labels: {}, Data: "eA==" }],
  },
  {
    method: "POST",
    path: "/configs/conf/update?version=7",
    body: { Name: "conf" },
    status: 200,
    call: ["updateConfig", id("c1"), 7, { Name: "conf", Labels: {}, Data: "" }],
  },
  { method: "DELETE", path: "/configs/c1", status: 204, call: ["removeConfig", id("c1")] },
  {
    method: "POST",
    path: "/swarm/update?version=7&rotateWorkerToken=true&rotateManagerToken=0",
    body: { Name: "default" },
    status: 200,
    call: [
      "updateCluster",
      7,
      {
        Name: "default",
        Labels: {},
        Orchestration: {},
        Raft: { ElectionTick: 0, HeartbeatTick: 0 },
        Dispatcher: {},
        CAConfig: {},
        TaskDefaults: {},
        EncryptionConfig: { AutoLockManagers: false },
      },
      { workerToken: true, managerToken: false, unlockKey: false },
    ],
  },
]) {
  test(`${method} ${path}: done by the manager`, async () => {
    await using api = await startTestApi(objects);
    const reply = await api.call(method, path, body, headers);
    assert.equal(reply.status, status);
    assert.deepEqual(reply.json, json);
    assert.deepEqual(api.control.calls, [call]);
  });

  test(`${method} ${path}: refused by the manager`, async () => {
    await using api = await startTestApi(objects);
    api.control.refusal = new FlotillaError("sequence", "update out of sequence");
    const reply = await api.call(method, path, body, headers);
    assert.equal(reply.status, 500);
    assert.deepEqual(reply.json, { message: "rpc error: code = Unknown desc = update out of sequence" });
  });

  test(`${method} ${path}: without a manager`, async () => {
    await using api = await startTestApi(objects);
    api.membership.manager = new FlotillaError("unavailable", "This node is not a swarm manager.");
    const reply = await api.call(method, path, body, headers);
    assert.equal(reply.status, 503);
    assert.deepEqual(reply.json, { message: "This node is not a swarm manager." });
  });
}

for (const { code, status, prefix } of [
  { code: "invalid", status: 400, prefix: "rpc error: code = InvalidArgument desc = " },
  { code: "precondition", status: 400, prefix: "rpc error: code = FailedPrecondition desc = " },
  { code: "forbidden", status: 403, prefix: "rpc error: code = PermissionDenied desc = " },
  { code: "not_found", status: 404, prefix: "rpc error: code = NotFound desc = " },
  { code: "exists", status: 409, prefix: "rpc error: code = AlreadyExists desc = " },
  { code: "unimplemented", status: 501, prefix: "rpc error: code = Unimplemented desc = " },
  { code: "unavailable", status: 503, prefix: "rpc error: code = Unavailable desc = " },
  { code: "internal", status: 500, prefix: "rpc error: code = Unknown desc = " },
] as const) {
  test(`a manager's ${code} is ${status}`, async () => {
    await using api = await startTestApi();
    api.control.refusal = new FlotillaError(code, "because");
    const reply = await api.call("POST", "/services/create", SERVICE);
    assert.equal(reply.status, status);
    assert.deepEqual(reply.json, { message: `${prefix}because` });
  });
}

for (const { path, body, message } of [
  { path: "/nodes/h1/update", message: /^invalid node version ''/ },
  { path: "/nodes/h1/update?version=-1", message: /^invalid node version '-1'/ },
  { path: "/nodes/h1/update?version=0x7", message: /^invalid node version '0x7'/ },
  { path: "/secrets/pw/update", message: /^invalid secret version$/ },
  { path: "/services/web/update?version=x", message: /^invalid service version 'x'/ },
  { path: "/services/web/update?version=7", message: /^mismatched Runtime and \*Spec fields$/ },
  { path: "/swarm/update?version=7", body: { Name: "mine" }, message: /^swarm spec must be named "default"$/ },
  { path: "/swarm/update?version=7&rotateWorkerToken=x", message: /^invalid value for rotateWorkerToken: x$/ },
]) {
  test(`POST ${path}: 400`, async () => {
    await using api = await startTestApi(objects);
    const reply = await api.call("POST", path, body ?? NODE_SPEC);
    assert.equal(reply.status, 400);
    assert.match((reply.json as { message: string }).message, message);
  });
}

test("a spec that cannot be a service's is no matter for a host without a manager", async () => {
  await using api = await startTestApi(objects);
  api.membership.manager = new FlotillaError("unavailable", "This node is not a swarm manager.");
  assert.equal((await api.call("POST", "/services/create", { Name: "web" })).status, 503);
});

test("a service without ports and networks has an empty endpoint", async () => {
  const ports = [{ Protocol: "tcp", TargetPort: 80, PublishMode: "host" }] as const;
  const Networks = [{ Target: "host" }];
  const endpoint = { spec: { Mode: "vip" } } as const;
  const web = aService("s1", "web", { endpoint });
  const host = aService("s2", "host", {
    endpoint,
    spec: { ...web.spec, Name: "host", TaskTemplate: { ...web.spec.TaskTemplate, Networks } },
  });
  const open = aService("s3", "open", { endpoint: { ...endpoint, ports } });
  await using api = await startTestApi([web, host, open]);
  const endpoints = async (name: string) =>
    ((await api.get(`/services/${name}`)).json as { Endpoint: unknown }).Endpoint;
  assert.deepEqual(await endpoints("web"), { Spec: {} });
  assert.deepEqual(await endpoints("host"), { Spec: { Mode: "vip" } });
  assert.deepEqual(await endpoints("open"), { Spec: { Mode: "vip" }, Ports: ports });
});

test("a service without a name gets one", async () => {
  await using api = await startTestApi();
  await api.call("POST", "/services/create", { TaskTemplate: SERVICE.TaskTemplate });
  const [[, spec] = []] = api.control.calls;
  assert.match((spec as { Name: string }).Name, /^[a-z]+_[a-z]+$/);
});

test("templates need a client that knows them", async () => {
  await using api = await startTestApi();
  const body = { Name: "a", Data: "eA==", Templating: { Name: "golang" } };
  assert.equal((await api.call("POST", "/v1.36/secrets/create", body)).status, 400);
  assert.equal((await api.call("POST", "/v1.37/secrets/create", body)).status, 201);
});

test("membership: init, join, leave, unlock", async () => {
  await using api = await startTestApi();
  const init = await api.call("POST", "/v1.38/swarm/init", {
    ListenAddr: "0.0.0.0:2377",
    DataPathPort: 1,
    DefaultAddrPool: ["10.0.0.0/8"],
    Spec: { Dispatcher: { HeartbeatPeriod: 1 } },
  });
  assert.equal(init.text, '"fresh-node"\n');
  await api.call("POST", "/swarm/join", { RemoteAddrs: ["a:1"], JoinToken: "t", Availability: "Drain" });
  await api.call("POST", "/swarm/leave?force=true");
  await api.call("POST", "/swarm/unlock", { UnlockKey: "k" });
  assert.partialDeepStrictEqual(api.membership.calls, [
    ["init", { ListenAddr: "0.0.0.0:2377", Spec: { Dispatcher: { HeartbeatPeriod: 1 } } }],
    ["join", { RemoteAddrs: ["a:1"], JoinToken: "t", Availability: "drain" }],
    ["leave", true],
    ["unlock", "k"],
  ]);
  const [[, request] = []] = api.membership.calls;
  assert.equal("DataPathPort" in (request as object) || "DefaultAddrPool" in (request as object), false);
  assert.deepEqual((await api.get("/swarm/unlockkey")).json, { UnlockKey: "SWMKEY-1-test" });
});
