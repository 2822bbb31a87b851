import assert from "node:assert/strict";
import { test } from "node:test";
import { eventOf } from "./cluster-event.ts";
import { BRIDGE, LOCAL, serveCall, serveNetworks } from "./networks/test-bridges.ts";
import { aNetwork, aService, aTask } from "./test-cluster.ts";
import { startTestApi } from "./test-server.ts";

const app = aNetwork("app1", "app", {}, { Attachable: true, Options: { x: "y" }, Labels: { a: "b" } });
const ingress = aNetwork(
  "ing1",
  "ingress",
  { allocation: { subnet: "10.0.0.0/16", gateway: "10.0.0.1", range: "10.0.0.0/24", vni: 4096 } },
  { Ingress: true, Internal: true, EnableIPv6: true, IPAM: { Driver: "default", Config: [{ Subnet: "10.0.0.0/16" }] } },
);
const ContainerSpec = { Image: "nginx" };
const withNetworks = (...Networks: readonly unknown[]) => ({ Name: "web", TaskTemplate: { ContainerSpec, Networks } });

for (const { target, id } of [
  { target: "app", id: app.id },
  { target: app.id, id: app.id },
  { target: "app1", id: app.id },
  { target: "host", id: "host" },
  { target: "bridge", id: "bridge" },
]) {
  test(`a service names its network: ${target}`, async () => {
    await using api = await startTestApi([app, ingress, aService("s1", "web")]);
    for (const path of ["/services/create", "/services/web/update?version=7"]) {
      api.control.calls.length = 0;
      const reply = await api.call(
        "POST",
        path,
        withNetworks({ Target: target, Aliases: ["a"], Addresses: ["1.1.1.1"] }),
      );
      assert.ok(reply.status < 300, reply.text);
      const spec = api.control.calls[0]?.find((argument) => typeof argument === "object");
      assert.partialDeepStrictEqual(spec, { TaskTemplate: { Networks: [{ Target: id, Aliases: ["a"] }] } });
      assert.ok(!JSON.stringify(spec).includes("Addresses"), "only the cluster itself writes that");
    }
  });
}

test("the deprecated list of networks is resolved where the task has none", async () => {
  await using api = await startTestApi([app]);
  const { TaskTemplate } = withNetworks();
  await api.call("POST", "/services/create", { Name: "web", TaskTemplate, Networks: [{ Target: "app" }] });
  assert.partialDeepStrictEqual(api.control.calls, [
    ["createService", { TaskTemplate: { Networks: [{ Target: app.id }] } }],
  ]);
});

for (const { target, status, message } of [
  { target: "nope", status: 404, message: "network nope not found" },
  { target: "APP", status: 404, message: "network APP not found" },
  { target: "", status: 400, message: "network  is ambiguous (2 matches found)" },
  {
    target: "plain",
    status: 403,
    message:
      "The network plain cannot be used with services. Only networks scoped to the swarm can be used, such as those created with the overlay driver.",
  },
]) {
  test(`a service's network that cannot be had: ${JSON.stringify(target)}`, async () => {
    await using api = await startTestApi([app, ingress]);
    serveNetworks(api, [BRIDGE, LOCAL]);
    serveCall(api, "GET /networks/plain", 200, LOCAL);
    const reply = await api.call("POST", "/services/create", withNetworks({ Target: "app" }, { Target: target }));
    assert.deepEqual([reply.status, reply.json, api.control.calls], [status, { message }, []]);
  });
}

test("a service shows its virtual addresses, with the length of their prefix", async () => {
  const spec = { Mode: "vip" } as const;
  const virtualIPs = [
    { networkId: ingress.id, address: "10.0.0.5" },
    { networkId: app.id, address: "10.0.1.2" },
    { networkId: "gone", address: "10.0.9.2" },
  ];
  const ports = [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 30000, PublishMode: "ingress" }] as const;
  await using api = await startTestApi([
    app,
    ingress,
    aService("s1", "web", { endpoint: { spec, ports, virtualIPs } }),
  ]);
  const { Endpoint } = (await api.get("/services/web")).json as { readonly Endpoint: unknown };
  assert.deepEqual(Endpoint, {
    Spec: spec,
    Ports: ports,
    VirtualIPs: [
      { NetworkID: ingress.id, Addr: "10.0.0.5/16" },
      { NetworkID: app.id, Addr: "10.0.1.2/24" },
      { NetworkID: "gone", Addr: "10.0.9.2" },
    ],
  });
});

test("a service that asks for no virtual address has an empty endpoint", async () => {
  const EndpointSpec = { Mode: "dnsrr" } as const;
  const { TaskTemplate } = aService("s1", "web").spec;
  const spec = { EndpointSpec, TaskTemplate: { ...TaskTemplate, Networks: [{ Target: app.id }] } };
  await using api = await startTestApi([app, aService("s1", "web", { endpoint: { spec: EndpointSpec } }, spec)]);
  const { Endpoint } = (await api.get("/services/web")).json as { readonly Endpoint: unknown };
  assert.deepEqual(Endpoint, { Spec: {} });
});

const META = {
  Version: { Index: 7 },
  CreatedAt: "2026-01-02T03:04:05.12Z",
  UpdatedAt: "2026-01-02T03:04:05Z",
};
const NEVER = "0001-01-01T00:00:00Z";
const vni = (list: string) => ({ "com.docker.network.driver.overlay.vxlanid_list": list });

test("a task shows its networks, as they are now", async () => {
  const service = aService("s1", "web");
  const networks = [
    { networkId: ingress.id, address: "10.0.0.6" },
    { networkId: app.id, address: "10.0.1.3" },
    { networkId: "gone", address: "10.0.9.3" },
  ];
  await using api = await startTestApi([app, ingress, service, aTask("t1", service, { networks })]);
  const [listed] = (await api.get("/tasks")).json as readonly { readonly NetworksAttachments: unknown }[];
  assert.deepEqual(listed?.NetworksAttachments, [
    {
      Network: {
        ID: ingress.id,
        ...META,
        Spec: {
          Name: "ingress",
          Labels: {},
          DriverConfiguration: { Name: "overlay" },
          IPv6Enabled: true,
          Internal: true,
          Ingress: true,
          IPAMOptions: { Driver: { Name: "default" }, Configs: [{ Subnet: "10.0.0.0/16" }] },
          Scope: "swarm",
        },
        DriverState: { Name: "overlay", Options: vni("4096") },
        IPAMOptions: {
          Driver: { Name: "default" },
          Configs: [{ Subnet: "10.0.0.0/16", Range: "10.0.0.0/24", Gateway: "10.0.0.1" }],
        },
      },
      Addresses: ["10.0.0.6/16"],
    },
    {
      Network: {
        ID: app.id,
        ...META,
        Spec: {
          Name: "app",
          Labels: { a: "b" },
          DriverConfiguration: { Name: "overlay", Options: { x: "y" } },
          Attachable: true,
          Scope: "swarm",
        },
        DriverState: { Name: "overlay", Options: { x: "y", ...vni("4097") } },
        IPAMOptions: { Driver: { Name: "default" }, Configs: [{ Subnet: "10.0.1.0/24", Gateway: "10.0.1.1" }] },
      },
      Addresses: ["10.0.1.3/24"],
    },
    {
      Network: { ID: "gone", Version: {}, CreatedAt: NEVER, UpdatedAt: NEVER, Spec: { Labels: null } },
      Addresses: ["10.0.9.3"],
    },
  ]);
});

test("an attachment is a task of its own runtime, listed only when asked for", async () => {
  const { serviceId: _none, ...task } = aTask("t1", aService("s1", ""));
  const NetworkAttachmentSpec = { ContainerID: "shell" };
  const Networks = [{ Target: app.id, Aliases: ["a"], Addresses: ["10.0.1.9"] }];
  const attachment = { ...task, slot: 0, spec: { NetworkAttachmentSpec, Networks, ForceUpdate: 0 } };
  await using api = await startTestApi([app, attachment]);
  assert.deepEqual((await api.get("/tasks")).json, []);
  const { json } = await api.get('/tasks?filters={"runtime":["attachment"]}');
  assert.partialDeepStrictEqual(json, [{ Spec: { NetworkAttachmentSpec, ForceUpdate: 0, Runtime: "attachment" } }]);
  const [{ Spec } = assert.fail()] = json as readonly { readonly Spec: { readonly Networks: unknown } }[];
  assert.deepEqual(Spec.Networks, [{ Target: app.id, Aliases: ["a"] }]);
});

test("networks are events of the cluster, with their name", () => {
  const event = { type: "network", id: app.id, attributes: { name: "app" } };
  assert.deepEqual(eventOf({ type: "create", kind: "network", object: app }, 5), {
    ...event,
    action: "create",
    time: app.createdAt,
  });
  assert.deepEqual(eventOf({ type: "update", kind: "network", object: app, old: app }, 5), {
    ...event,
    action: "update",
    time: app.updatedAt,
  });
  assert.deepEqual(eventOf({ type: "delete", kind: "network", old: app }, 5), { ...event, action: "remove", time: 5 });
});
