import assert from "node:assert/strict";
import { test } from "node:test";
import { aNetwork } from "#api/test-cluster.ts";
import { startTestApi } from "#api/test-server.ts";
import { FlotillaError } from "#base/errors.ts";
import { LOCAL, serveCall, serveNetworks } from "./test-bridges.ts";

const CREATE = "/v1.48/networks/create";
const overlay = { Name: "n", Driver: "overlay" };

for (const { name, body, spec } of [
  { name: "only a name", body: overlay, spec: { Name: "n", Labels: {}, Driver: "overlay" } },
  {
    name: "what docker network create sends",
    body: {
      ...overlay,
      Scope: "",
      IPAM: { Driver: "default", Options: {}, Config: [] },
      Internal: false,
      Attachable: false,
      Ingress: false,
      ConfigOnly: false,
      ConfigFrom: null,
      Options: {},
      Labels: {},
      CheckDuplicate: true,
    },
    spec: { Name: "n", Labels: {}, Driver: "overlay", IPAM: { Driver: "default" } },
  },
  {
    name: "everything",
    body: {
      name: "full",
      DRIVER: "overlay",
      Scope: "swarm",
      EnableIPv4: true,
      EnableIPv6: true,
      Internal: true,
      Attachable: true,
      Options: { "com.docker.network.driver.mtu": "1400" },
      Labels: { a: "b" },
      IPAM: {
        Options: { o: "1" },
        Config: [
          {
            Subnet: "10.9.0.0/24",
            IPRange: "10.9.0.128/25",
            Gateway: "10.9.0.254",
            AuxiliaryAddresses: { router: "10.9.0.5" },
          },
        ],
      },
    },
    spec: {
      Name: "full",
      Labels: { a: "b" },
      Driver: "overlay",
      Options: { "com.docker.network.driver.mtu": "1400" },
      Internal: true,
      Attachable: true,
      EnableIPv6: true,
      IPAM: {
        Driver: "default",
        Options: { o: "1" },
        Config: [{ Subnet: "10.9.0.0/24", IPRange: "10.9.0.128/25", Gateway: "10.9.0.254" }],
      },
    },
  },
  {
    name: "ingress",
    body: { ...overlay, Ingress: true },
    spec: { Name: "n", Labels: {}, Driver: "overlay", Ingress: true },
  },
  {
    name: "another driver for the whole cluster, for the manager to refuse",
    body: { Name: "n", Driver: "macvlan", Scope: "swarm" },
    spec: { Name: "n", Labels: {}, Driver: "macvlan" },
  },
]) {
  test(`a network of the cluster with ${name}`, async () => {
    await using api = await startTestApi();
    serveNetworks(api, [LOCAL]);
    const { status, json } = await api.call("POST", CREATE, body);
    assert.deepEqual([status, json], [201, { Id: "new-network", Warning: "" }]);
    assert.deepEqual(api.control.calls, [["createNetwork", spec]]);
  });
}

const config = (...Config: readonly unknown[]) => ({ ...overlay, IPAM: { Config } });

for (const { name, body, status, message } of [
  {
    name: "a name that is taken",
    body: { ...overlay, Name: "app" },
    status: 409,
    message: "network with name app already exists",
  },
  {
    name: "the name of a network of this host",
    body: { ...overlay, Name: "plain" },
    status: 409,
    message: "network with name plain already exists",
  },
  {
    name: "the name of the bridge",
    body: { ...overlay, Name: "bridge" },
    status: 409,
    message: "network with name bridge already exists",
  },
  {
    name: "a predefined name",
    body: { ...overlay, Name: "none" },
    status: 403,
    message: "operation is not permitted on predefined none network ",
  },
  { name: "no name", body: { Driver: "overlay" }, status: 400, message: "invalid name: name is empty" },
  { name: "a blank name", body: { ...overlay, Name: "  " }, status: 400, message: "invalid name: name is empty" },
  {
    name: "scope local",
    body: { ...overlay, Scope: "local" },
    status: 403,
    message: "cannot downgrade network scope for overlay networks",
  },
  {
    name: "no IPv4",
    body: { ...overlay, EnableIPv4: false },
    status: 400,
    message: "IPv4 cannot be disabled in a Swarm scoped network",
  },
  {
    name: "options of another network",
    body: { ...overlay, ConfigFrom: { Network: "x" } },
    status: 501,
    message: "networks of the cluster cannot take their options from another network",
  },
  {
    name: "a subnet that is none",
    body: config({ Subnet: "x" }),
    status: 400,
    message: "invalid network config:\ninvalid subnet x: invalid CIDR block notation",
  },
  {
    name: "no subnet for a gateway",
    body: config({ Gateway: "10.0.0.1" }),
    status: 400,
    message: "invalid network config:\ninvalid subnet : invalid CIDR block notation",
  },
  {
    name: "a subnet with an address",
    body: config({ Subnet: "10.9.1.5/24" }),
    status: 400,
    message: "invalid network config:\ninvalid subnet 10.9.1.5/24: it should be 10.9.1.0/24",
  },
  {
    name: "a gateway from elsewhere",
    body: config({ Subnet: "10.9.3.0/24", Gateway: "10.9.4.1" }),
    status: 400,
    message:
      "invalid network config:\ninvalid gateway 10.9.4.1: parent subnet 10.9.3.0/24 doesn't contain this address",
  },
  {
    name: "a gateway of IPv6",
    body: config({ Subnet: "10.9.3.0/24", Gateway: "fd00::1" }),
    status: 400,
    message: "invalid network config:\ninvalid gateway fd00::1: parent subnet is an IPv4 block",
  },
  {
    name: "many faults",
    body: config({
      Subnet: "10.9.3.0/24",
      IPRange: "10.0.0.1/8",
      Gateway: "gateway",
      AuxiliaryAddresses: { a: "10.9.3.9", b: "10.9.9.9" },
    }),
    status: 400,
    message: [
      "invalid network config:",
      "* invalid ip-range 10.0.0.1/8: CIDR block is bigger than its parent subnet 10.9.3.0/24",
      "* invalid ip-range 10.0.0.1/8: it should be 10.0.0.0/8",
      "* invalid gateway gateway: invalid address",
      "* invalid auxiliary address b: parent subnet 10.9.3.0/24 doesn't contain this address",
    ].join("\n"),
  },
  {
    name: "a range from elsewhere",
    body: config({ Subnet: "10.9.3.0/24", IPRange: "10.9.4.0/25" }),
    status: 400,
    message:
      "invalid network config:\ninvalid ip-range 10.9.4.0/25: parent subnet 10.9.3.0/24 doesn't contain ip-range",
  },
  {
    name: "a range that is none",
    body: config({ Subnet: "10.9.3.0/24", IPRange: "10.9.3.0/33" }),
    status: 400,
    message: "invalid network config:\ninvalid ip-range 10.9.3.0/33: invalid CIDR block notation",
  },
  {
    name: "a range of IPv6",
    body: config({ Subnet: "10.9.3.0/24", IPRange: "fd00::/64" }),
    status: 400,
    message: "invalid network config:\ninvalid ip-range fd00::/64: parent subnet is an IPv4 block",
  },
]) {
  test(`a network of the cluster with ${name} is refused`, async () => {
    await using api = await startTestApi([aNetwork("app1", "app")]);
    serveNetworks(api, [LOCAL]);
    const reply = await api.call("POST", CREATE, body);
    assert.deepEqual([reply.status, reply.json], [status, { message }]);
    assert.deepEqual(api.control.calls, []);
  });
}

for (const body of [
  { ...overlay, Name: 5 },
  { ...overlay, Labels: [] },
  { ...overlay, Labels: { a: 1 } },
  { ...overlay, Options: "x" },
  { ...overlay, Internal: "yes" },
  { ...overlay, Attachable: 1 },
  { ...overlay, Ingress: {} },
  { ...overlay, EnableIPv6: "no" },
  { ...overlay, IPAM: [] },
  { ...overlay, IPAM: { Config: {} } },
  { ...overlay, IPAM: { Config: [5] } },
  { ...overlay, IPAM: { Config: [{ Subnet: 5 }] } },
  { ...overlay, IPAM: { Driver: {} } },
  { ...overlay, Scope: ["swarm"] },
]) {
  test(`a document with wrong types is refused: ${JSON.stringify(body)}`, async () => {
    await using api = await startTestApi();
    serveNetworks(api, [LOCAL]);
    const { status, json } = await api.call("POST", CREATE, body);
    assert.equal(status, 400);
    assert.match((json as { readonly message: string }).message, /^invalid JSON: json: cannot unmarshal/);
  });
}

test("a huge name and hostile labels", async () => {
  await using api = await startTestApi();
  serveNetworks(api, [LOCAL]);
  const Name = "x".repeat(1_000_000);
  const Labels = JSON.parse('{"__proto__":"a","constructor":"b"}') as unknown;
  assert.equal((await api.call("POST", CREATE, { ...overlay, Name, Labels })).status, 201);
  const [[, spec] = []] = api.control.calls;
  assert.deepEqual(Object.entries((spec as { readonly Labels: object }).Labels), [
    ["__proto__", "a"],
    ["constructor", "b"],
  ]);
});

test("what is not for the cluster goes to an engine as it came", async () => {
  await using api = await startTestApi([aNetwork("app1", "app")]);
  serveNetworks(api, [LOCAL]);
  api.engine.on("POST /networks/create", (incoming, response) => incoming.pipe(response.writeHead(201)));
  for (const text of [
    '{ "Name": "n",  "Driver": "bridge" }',
    '{ "Name": "n",  "Driver": "overlay", "ConfigOnly": true }',
    '{ "Name": "n",  "Driver": "bridge", "Ingress": true }',
    "{",
    "null",
    "[]",
    "7",
  ]) {
    const reply = await api.call("POST", CREATE, text);
    assert.equal(reply.status, 201);
    if (text === "{") assert.equal(reply.text, text);
    else assert.deepEqual(reply.json, JSON.parse(text));
  }
  const taken = await api.call("POST", CREATE, { Name: "app", Driver: "bridge" });
  assert.deepEqual(taken.json, { message: "network with name app already exists" });
});

test("networks of the cluster are made on managers only", async () => {
  await using api = await startTestApi();
  serveNetworks(api, [LOCAL]);
  api.membership.manager = new FlotillaError("unavailable", "This node is not a swarm manager.");
  const reply = await api.call("POST", CREATE, overlay);
  assert.deepEqual([reply.status, reply.json], [403, { message: "This node is not a swarm manager." }]);
  api.membership.local = { ...api.membership.local, isManager: false };
  const { json } = await api.call("POST", CREATE, overlay);
  assert.match(
    (json as { readonly message: string }).message,
    /^Cannot create a multi-host network from a worker node/,
  );
});

test("older clients know no way to switch IPv4 off", async () => {
  await using api = await startTestApi();
  serveNetworks(api, [LOCAL]);
  assert.equal((await api.call("POST", "/v1.47/networks/create", { ...overlay, EnableIPv4: false })).status, 201);
});

test("a manager's refusal has Docker's prefix", async () => {
  await using api = await startTestApi();
  serveNetworks(api, [LOCAL]);
  api.control.refusal = new FlotillaError("exists", "ingress network (x) is already present");
  const { status, json } = await api.call("POST", CREATE, { ...overlay, Ingress: true });
  const message = "rpc error: code = AlreadyExists desc = ingress network (x) is already present";
  assert.deepEqual([status, json], [409, { message }]);
});

test("a network of no driver is one of the cluster, unless only an engine can have it", async () => {
  for (const body of [
    { Name: "n" },
    { Name: "n", Driver: "", Options: null, IPAM: null, EnableIPv6: false, Internal: false, Labels: { a: "b" } },
    { Name: "n", Driver: null, CheckDuplicate: true, IPAM: { Driver: "default", Config: [{ Subnet: "10.9.0.0/24" }] } },
    { Name: "n", Options: { "com.docker.network.driver.mtu": "1400" } },
  ]) {
    await using api = await startTestApi();
    serveNetworks(api, [LOCAL]);
    assert.equal((await api.call("POST", CREATE, body)).status, 201);
    assert.partialDeepStrictEqual(api.control.calls, [
      ["createNetwork", { Name: "n", Driver: "overlay", Attachable: true }],
    ]);
  }
  for (const body of [
    { Name: "n", Driver: "bridge" },
    { Name: "two.parts" },
    { Name: "n", Scope: "local" },
    { Name: "n", EnableIPv6: true },
    { Name: "n", ConfigOnly: true },
    { Name: "n", ConfigFrom: { Network: "template" } },
    { Name: "n", Options: { "com.docker.network.bridge.name": "br0" } },
    { Name: "n", IPAM: { Config: [{ Subnet: "fd00::/64" }] } },
  ]) {
    await using api = await startTestApi();
    serveNetworks(api, [LOCAL]);
    const bodies = serveCall(api, "POST /networks/create", 201, { Id: "e1", Warning: "" });
    assert.deepEqual((await api.call("POST", CREATE, body)).json, { Id: "e1", Warning: "" });
    assert.deepEqual([bodies, api.control.calls], [[body], []]);
  }
});
