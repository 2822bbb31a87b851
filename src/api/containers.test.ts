import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { APP, APP_BRIDGE, ATTACHMENT, BRIDGE, LOCAL, serveCall, serveNetworks } from "./networks/test-bridges.ts";
import { INACTIVE } from "./test-cluster.ts";
import { startWorkerApi, type TestApi } from "./test-server.ts";

const PLACE = { taskId: "t9", networkId: APP, address: "10.0.1.9" };
const MAC = "02:42:0a:00:01:09";
const CREATED = { Id: "c1", Warnings: [] };

async function start(apiVersion = "1.51"): Promise<{ readonly api: TestApi; readonly bodies: readonly unknown[] }> {
  const api = await startWorkerApi([], apiVersion);
  serveNetworks(api, [BRIDGE, LOCAL, APP_BRIDGE]);
  api.membership.attachments.places.push(PLACE);
  return { api, bodies: serveCall(api, "POST /containers/create", 201, CREATED) };
}

test("a container gets its place, and the engine is told of it", async () => {
  const { api, bodies } = await start();
  await using _ = api;
  const reply = await api.call("POST", "/v1.47/containers/create?name=shell&platform=", {
    Image: "busybox",
    HostConfig: { NetworkMode: "app", Memory: 5 },
    NetworkingConfig: { EndpointsConfig: { app: { Aliases: ["nick"], IPAMConfig: { IPv4Address: "10.0.1.9" } } } },
  });
  assert.deepEqual([reply.status, reply.json], [201, CREATED]);
  assert.deepEqual(api.membership.attachments.calls, [
    ["attach", { network: "app", containerName: "shell", aliases: ["nick"], address: "10.0.1.9" }],
  ]);
  assert.deepEqual(bodies, [
    {
      Image: "busybox",
      HostConfig: { Memory: 5, NetworkMode: "app", Dns: ["10.0.1.6"] },
      NetworkingConfig: {
        EndpointsConfig: {
          app: { Aliases: ["nick"], IPAMConfig: { IPv4Address: "10.0.1.9" }, MacAddress: MAC },
        },
      },
    },
  ]);
  assert.ok(api.engine.requests.includes("POST /v1.47/containers/create?name=shell&platform="));
});

for (const { name, engine, client, body, want } of [
  {
    name: "only a network mode, by the cluster's id",
    body: { HostConfig: { NetworkMode: APP } },
    want: {
      HostConfig: { NetworkMode: "app", Dns: ["10.0.1.6"] },
      NetworkingConfig: { EndpointsConfig: { app: { IPAMConfig: { IPv4Address: "10.0.1.9" }, MacAddress: MAC } } },
    },
  },
  {
    name: "name servers of its own",
    body: { HostConfig: { NetworkMode: "app", Dns: ["1.1.1.1"] } },
    want: { HostConfig: { NetworkMode: "app", Dns: ["1.1.1.1"] } },
  },
  {
    name: "other cases of letters",
    body: { hostconfig: { networkmode: "app" }, networkingconfig: { endpointsconfig: { app: { aliases: ["x"] } } } },
    want: {
      HostConfig: { NetworkMode: "app" },
      NetworkingConfig: { EndpointsConfig: { app: { aliases: ["x"], MacAddress: MAC } } },
    },
  },
  {
    name: "a second network",
    body: {
      HostConfig: { NetworkMode: "plain" },
      NetworkingConfig: { EndpointsConfig: { plain: { Aliases: ["p"] }, app: null } },
    },
    want: {
      HostConfig: { NetworkMode: "plain" },
      NetworkingConfig: { EndpointsConfig: { plain: { Aliases: ["p"] }, app: { MacAddress: MAC } } },
    },
  },
  {
    name: "the MAC address that it gets anyway",
    body: { MacAddress: MAC, HostConfig: { NetworkMode: "app" } },
    want: { MacAddress: MAC },
  },
  {
    name: "an older client of a newer engine",
    client: "1.43",
    body: { HostConfig: { NetworkMode: "app" } },
    want: {
      MacAddress: MAC,
      NetworkingConfig: { EndpointsConfig: { app: { IPAMConfig: { IPv4Address: "10.0.1.9" } } } },
    },
  },
  {
    name: "an older engine, which makes the same MAC address by itself",
    engine: "1.41",
    client: "1.41",
    body: { HostConfig: { NetworkMode: "app" } },
    want: { NetworkingConfig: { EndpointsConfig: { app: { IPAMConfig: { IPv4Address: "10.0.1.9" } } } } },
  },
]) {
  test(`a container with ${name}`, async () => {
    const { api, bodies } = await start(engine);
    await using _ = api;
    const path = `/v${client ?? "1.47"}/containers/create?name=c`;
    assert.equal((await api.call("POST", path, body)).status, 201);
    assert.partialDeepStrictEqual(bodies, [want]);
    const [sent] = bodies as readonly { readonly NetworkingConfig?: unknown; readonly MacAddress?: unknown }[];
    if (engine === "1.41") assert.ok(!JSON.stringify(sent).includes("MacAddress"));
    if (name === "a second network") assert.ok(!JSON.stringify(sent).includes("Dns"));
  });
}

test("a container without a name gets one, for others to find it by", async () => {
  const { api } = await start();
  await using _ = api;
  await api.call("POST", "/containers/create", { HostConfig: { NetworkMode: "app" } });
  const [[, request] = []] = api.membership.attachments.calls;
  const { containerName } = request as { readonly containerName: string };
  assert.match(containerName, /^[a-z]+_[a-z]+\d+$/);
  assert.ok(api.engine.requests.some((line) => line.endsWith(`/containers/create?name=${containerName}`)));
});

const CONNECT = "/v1.47/networks/app/connect";

for (const body of [
  { HostConfig: { NetworkMode: "default" } },
  { HostConfig: { NetworkMode: "bridge" } },
  { HostConfig: { NetworkMode: "host" } },
  { HostConfig: { NetworkMode: "none" } },
  { HostConfig: { NetworkMode: "container:app" } },
  { HostConfig: { NetworkMode: "" } },
  { HostConfig: { NetworkMode: "plain" } },
  { HostConfig: { NetworkMode: "aaa1" }, NetworkingConfig: { EndpointsConfig: { plain: {} } } },
  { HostConfig: { NetworkMode: 5 }, NetworkingConfig: { EndpointsConfig: [] } },
  { HostConfig: null, NetworkingConfig: { EndpointsConfig: null } },
  { HostConfig: [], NetworkingConfig: "x" },
  {},
]) {
  test(`the engine's own matter: ${JSON.stringify(body)}`, async () => {
    const { api } = await start();
    await using _ = api;
    const text = `${JSON.stringify(body)} `;
    api.engine.on("POST /containers/create", (request, response) => request.pipe(response.writeHead(201)));
    assert.equal((await api.call("POST", "/containers/create?name=c", text)).text, text);
    assert.deepEqual(api.membership.attachments.calls, []);
  });
}

for (const body of ["[]", "{", "null", "5", ""]) {
  for (const path of ["/containers/create", CONNECT, "/networks/app/disconnect"]) {
    test(`no document: ${path} ${JSON.stringify(body)}`, async () => {
      const { api } = await start();
      await using _ = api;
      const reply = await api.call("POST", path, body);
      assert.equal(reply.status, 400);
      assert.match(reply.text, /^\{"message":"invalid JSON: /);
      assert.deepEqual(api.membership.attachments.calls, []);
    });
  }
}

test("of an unknown network the engine says that it is unknown", async () => {
  await using api = await startWorkerApi();
  serveNetworks(api, [BRIDGE]);
  serveCall(api, "POST /containers/create", 404, { message: "network nope not found" });
  const reply = await api.call("POST", "/containers/create?name=c", { HostConfig: { NetworkMode: "nope" } });
  assert.deepEqual([reply.status, reply.json], [404, { message: "network nope not found" }]);
});

test("a network that is not attachable is refused in Docker's words", async () => {
  const { api, bodies } = await start();
  await using _ = api;
  api.membership.attachments.places.unshift(new FlotillaError("forbidden", "network app not manually attachable"));
  const reply = await api.call("POST", "/containers/create?name=c", { HostConfig: { NetworkMode: "app" } });
  const message =
    "Could not attach to network app: rpc error: code = PermissionDenied desc = network app not manually attachable";
  assert.deepEqual([reply.status, reply.json, bodies], [403, { message }, []]);
});

test("a place is given back when the engine refuses the container", async () => {
  const { api } = await start();
  await using _ = api;
  serveCall(api, "POST /containers/create", 409, { message: "name in use" });
  const reply = await api.call("POST", "/containers/create?name=c", { HostConfig: { NetworkMode: "app" } });
  assert.deepEqual([reply.status, reply.json], [409, { message: "name in use" }]);
  assert.deepEqual(api.membership.attachments.calls.at(-1), ["detach", "t9"]);
});

test("all places are given back when a later one cannot be had", async () => {
  const { api, bodies } = await start();
  await using _ = api;
  api.membership.attachments.places.push(new FlotillaError("invalid", "address 10.0.2.9 is taken"));
  const reply = await api.call("POST", "/containers/create?name=c", {
    HostConfig: { NetworkMode: "app" },
    NetworkingConfig: { EndpointsConfig: { app: {}, db: { IPAMConfig: { IPv4Address: "10.0.2.9" } } } },
  });
  assert.deepEqual([reply.status, reply.json], [400, { message: "address 10.0.2.9 is taken" }]);
  assert.deepEqual(api.membership.attachments.calls.at(-1), ["detach", "t9"]);
  assert.deepEqual(bodies, []);
});

for (const { name, body, place, status } of [
  { name: "a MAC address of its own", body: { MacAddress: "02:00:00:00:00:01" }, place: PLACE, status: 400 },
  { name: "an engine without the bridge", body: {}, place: { ...PLACE, networkId: "other" }, status: 503 },
]) {
  test(`a place is given back: ${name}`, async () => {
    const { api, bodies } = await start();
    await using _ = api;
    api.membership.attachments.places.splice(0, 1, place);
    if (name.startsWith("an engine")) serveNetworks(api, [BRIDGE]);
    const HostConfig = { NetworkMode: "app" };
    assert.equal((await api.call("POST", "/containers/create?name=c", { ...body, HostConfig })).status, status);
    assert.deepEqual(api.membership.attachments.calls.at(-1), ["detach", "t9"]);
    assert.deepEqual(bodies, []);
  });
}

test("outside of a cluster nothing is read", async () => {
  const { api, bodies } = await start();
  await using _ = api;
  api.membership.local = INACTIVE;
  const body = { HostConfig: { NetworkMode: "app" } };
  await api.call("POST", "/containers/create", body);
  assert.deepEqual(bodies, [body]);
});

const INSPECTED = {
  Id: "c1",
  Name: "/shell",
  NetworkSettings: { Networks: { app: { IPAddress: "", IPAMConfig: { IPv4Address: "10.0.1.9" } } } },
};

test("the place of a removed container is free at once", async () => {
  await using api = await startWorkerApi();
  api.membership.attachments.known.push(ATTACHMENT);
  serveCall(api, "GET /containers/shell/json", 200, INSPECTED);
  serveCall(api, "DELETE /containers/shell", 409, { message: "it runs" });
  assert.equal((await api.call("DELETE", "/containers/shell")).status, 409);
  assert.deepEqual(api.membership.attachments.calls, []);
  serveCall(api, "DELETE /containers/shell", 204);
  assert.equal((await api.call("DELETE", "/containers/shell?force=1&v=1")).status, 204);
  assert.deepEqual(api.membership.attachments.calls, [["detach", "t9"]]);
  assert.ok(api.engine.requests.some((line) => line.endsWith("/containers/shell?force=1&v=1")));
});

test("a container without places is the engine's alone", async () => {
  await using api = await startWorkerApi();
  api.membership.attachments.known.push(ATTACHMENT);
  serveCall(api, "DELETE /containers/gone", 404, { message: "No such container: gone" });
  assert.equal((await api.call("DELETE", "/containers/gone")).status, 404);
  serveCall(api, "GET /containers/other/json", 200, {
    NetworkSettings: { Networks: { app: { IPAddress: "10.0.1.3" } } },
  });
  serveCall(api, "DELETE /containers/other", 204);
  assert.equal((await api.call("DELETE", "/containers/other")).status, 204);
  assert.deepEqual(api.membership.attachments.calls, []);
});

test("a container is connected to a network of the cluster", async () => {
  const { api } = await start();
  await using _ = api;
  serveCall(api, "GET /containers/c1/json", 200, { Name: "/shell", NetworkSettings: { Networks: { bridge: {} } } });
  const bodies = serveCall(api, "POST /networks/app/connect", 200);
  const reply = await api.call("POST", CONNECT, { Container: "c1", EndpointConfig: { Aliases: ["a"] } });
  assert.deepEqual([reply.status, reply.text], [200, ""]);
  assert.deepEqual(api.membership.attachments.calls, [
    ["attach", { network: "app", containerName: "shell", aliases: ["a"] }],
  ]);
  const EndpointConfig = { Aliases: ["a"], IPAMConfig: { IPv4Address: "10.0.1.9" }, MacAddress: MAC };
  assert.deepEqual(bodies, [{ Container: "c1", EndpointConfig }]);
});

test("a container is not connected twice, and a refused one gives its place back", async () => {
  const { api } = await start();
  await using _ = api;
  serveCall(api, "GET /containers/shell/json", 200, INSPECTED);
  const twice = await api.call("POST", CONNECT, { Container: "shell" });
  assert.deepEqual([twice.status, twice.json], [409, { message: "shell is already attached to network app" }]);
  serveCall(api, "GET /containers/c2/json", 200, { Name: "/other", NetworkSettings: { Networks: {} } });
  serveCall(api, "POST /networks/app/connect", 409, { message: "it is being removed" });
  assert.equal((await api.call("POST", CONNECT, { Container: "c2", EndpointConfig: null })).status, 409);
  assert.deepEqual(api.membership.attachments.calls.at(-1), ["detach", "t9"]);
});

for (const { name, path, body } of [
  { name: "a network of its own", path: "/networks/plain/connect", body: { Container: "c1" } },
  { name: "a container that is not there", path: CONNECT, body: { Container: "gone" } },
  { name: "no container", path: CONNECT, body: {} },
  { name: "a container that is a number", path: CONNECT, body: { Container: 5 } },
  { name: "an unknown network", path: "/networks/nope/disconnect", body: { Container: "c1" } },
  { name: "leaving a network of its own", path: "/networks/plain/disconnect", body: { Container: "c1" } },
]) {
  test(`the engine's own matter: ${name}`, async () => {
    const { api } = await start();
    await using _ = api;
    const answer = serveCall(api, `POST ${path.replace("/v1.47", "")}`, 418, { message: "teapot" });
    assert.equal((await api.call("POST", path, body)).status, 418);
    assert.deepEqual(answer, [body]);
    assert.deepEqual(api.membership.attachments.calls, []);
  });
}

test("a disconnected container's place is free at once, and only that one", async () => {
  const { api } = await start();
  await using _ = api;
  const [endpoint = assert.fail()] = ATTACHMENT.endpoints;
  const elsewhere = { ...endpoint, taskId: "t10", addresses: { other: "10.0.1.9" } };
  api.membership.attachments.known.push(ATTACHMENT, { ...ATTACHMENT, id: "t10", endpoints: [elsewhere] });
  serveCall(api, "GET /containers/shell/json", 200, INSPECTED);
  const bodies = serveCall(api, "POST /networks/app/disconnect", 200);
  const reply = await api.call("POST", `/networks/${APP}/disconnect`, { Container: "shell", Force: true });
  assert.equal(reply.status, 200);
  assert.deepEqual(bodies, [{ Container: "shell", Force: true }]);
  assert.deepEqual(api.membership.attachments.calls, [["detach", "t9"]]);
});
