import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { aCluster, aNode, aService, aTask, openFixture } from "#manager/testing/fixture.ts";
import { firstIngressNetwork } from "#model/ingress.ts";
import type { Network } from "#model/objects.ts";
import type { NetworkSpec, PortConfig, ServiceSpec } from "#model/spec.ts";
import { createNetworkControl } from "./networks.ts";
import { createServiceControl } from "./services.ts";

const SPEC: NetworkSpec = { Name: "app", Labels: {}, Driver: "overlay" };
const withSubnet = (Subnet: string): NetworkSpec => ({ ...SPEC, IPAM: { Config: [{ Subnet }] } });
const app: Network = {
  ...firstIngressNetwork("net-app", 0),
  spec: SPEC,
  allocation: { subnet: "10.0.1.0/24", gateway: "10.0.1.1", vni: 4097 },
};
const mesh = firstIngressNetwork("net-in", 0);

const onNetworks = (...names: readonly string[]): ServiceSpec => {
  const { spec } = aService({ id: "web" });
  return { ...spec, TaskTemplate: { ...spec.TaskTemplate, Networks: names.map((Target) => ({ Target })) } };
};

const publishing = (port: Partial<PortConfig>, name = "web"): ServiceSpec => ({
  ...aService({ id: name }).spec,
  EndpointSpec: { Ports: [{ Protocol: "tcp", TargetPort: 80, PublishMode: "ingress", ...port }] },
});

async function open(...objects: readonly (Network | ReturnType<typeof aService>)[]) {
  const fixture = await openFixture();
  await fixture.seed(aCluster(), ...objects);
  const { signal, state } = fixture;
  const networks = createNetworkControl(fixture);
  const services = createServiceControl(fixture);
  const create = (spec: ServiceSpec) => services.createService(spec, {}, signal);
  return { fixture, signal, view: state.view, networks, services, create };
}

describe("creating a network", () => {
  test("stores it as it was sent", async () => {
    const { fixture, networks, view, signal } = await open();
    await using _ = fixture;
    const id = await networks.createNetwork(SPEC, signal);
    assert.deepEqual(view.get("network", id)?.spec, SPEC);
  });

  test("is refused when the name is taken, or there is an ingress network already", async () => {
    const { fixture, networks, signal } = await open(app, mesh);
    await using _ = fixture;
    await assert.rejects(networks.createNetwork({ ...SPEC, Name: "APP" }, signal), {
      code: "exists",
      message: "network with name APP already exists",
    });
    await assert.rejects(networks.createNetwork({ ...SPEC, Name: "mesh", Ingress: true }, signal), {
      code: "exists",
      message: "ingress network (net-in) is already present",
    });
  });

  test("is refused when its subnet is in use, by whom it says", async () => {
    const { fixture, networks, signal } = await open(app);
    await using _ = fixture;
    const description = {
      Hostname: "h1",
      Platform: { OS: "linux", Architecture: "x86_64" },
      Resources: { NanoCPUs: 1e9, MemoryBytes: 2 ** 30 },
      Engine: { EngineVersion: "28", Plugins: [] },
      Routes: ["192.168.0.0/16"],
    };
    await fixture.seed(aNode({ id: "n1", description }));
    const asked = (Subnet: string) => networks.createNetwork({ ...withSubnet(Subnet), Name: "other" }, signal);
    await assert.rejects(asked("10.0.0.0/8"), {
      code: "invalid",
      message: /^subnet 10\.0\.0\.0\/8 overlaps with 10\.0\.1\.0\/24 of network app: /,
    });
    await assert.rejects(asked("192.168.4.0/24"), {
      code: "invalid",
      message: /overlaps with the route 192\.168\.0\.0\/16 of host h1: /,
    });
    await asked("10.0.2.0/24");
  });
});

test("a container is found by its new name, if it is that node's", async () => {
  const { fixture, networks, view, signal } = await open(app);
  await using _ = fixture;
  const place = (id: string, nodeId: string) => ({
    ...aTask({ id, nodeId, networks: [{ networkId: "net-app", address: "10.0.1.3" }] }),
    spec: { NetworkAttachmentSpec: { ContainerID: "old" }, Networks: [{ Target: "net-app" }], ForceUpdate: 0 },
  });
  await fixture.seed(aNode({ id: "n1" }), aNode({ id: "n2" }), place("p1", "n1"), place("p2", "n2"));
  await networks.renameAttached("n1", "old", "new", signal);
  await networks.renameAttached("n1", "nobody", "somebody", signal);
  const names = ["p1", "p2"].map((id) => view.get("task", id)?.spec.NetworkAttachmentSpec?.ContainerID);
  assert.deepEqual(names, ["new", "old"]);
});

describe("removing a network", () => {
  test("is refused while a service or a task is on it", async () => {
    const { fixture, networks, services, create, view, signal } = await open(app);
    await using _ = fixture;
    const { id } = await create(onNetworks("app"));
    await assert.rejects(networks.removeNetwork("net-app", signal), {
      code: "precondition",
      message: `network net-app is in use by service ${id}`,
    });
    const place = [{ networkId: "net-app", address: "10.0.1.3" }];
    await fixture.seed(aTask({ id: "t1", serviceId: id, networks: place }));
    await services.removeService(id, signal);
    await assert.rejects(networks.removeNetwork("net-app", signal), {
      code: "precondition",
      message: "network net-app is in use by task t1",
    });
    const task = view.get("task", "t1");
    assert.ok(task);
    const object = { ...task, desired: "remove" as const };
    await fixture.state.commit([{ type: "update", object, expect: task.version }], signal);
    await networks.removeNetwork("net-app", signal);
    assert.equal(view.get("network", "net-app"), undefined);
    await assert.rejects(networks.removeNetwork("net-app", signal), {
      code: "not_found",
      message: "network net-app not found",
    });
  });

  test("of the mesh is refused while a service publishes ports", async () => {
    const { fixture, networks, services, create, signal } = await open(mesh);
    await using _ = fixture;
    const { id } = await create(publishing({ PublishedPort: 80 }));
    await assert.rejects(networks.removeNetwork("net-in", signal), {
      code: "precondition",
      message: `ingress network cannot be removed because service ${id} depends on it`,
    });
    await services.removeService(id, signal);
    await networks.removeNetwork("net-in", signal);
  });
});

describe("the networks of a service", () => {
  test("are stored by their ids; those of the engine keep their names", async () => {
    const { fixture, create, view } = await open(app);
    await using _ = fixture;
    const { id } = await create(onNetworks("app", "host"));
    const targets = view.get("service", id)?.spec.TaskTemplate.Networks?.map(({ Target }) => Target);
    assert.deepEqual(targets, ["net-app", "host"]);
    assert.deepEqual(
      [...view.servicesUsing("network", "net-app")].map((service) => service.id),
      [id],
    );
  });

  for (const { name, spec, code, message } of [
    { name: "that does not exist", spec: onNetworks("gone"), code: "not_found", message: "network gone not found" },
    {
      name: "that is the mesh's",
      spec: onNetworks("ingress"),
      code: "invalid",
      message: 'Service cannot be explicitly attached to the ingress network "ingress"',
    },
  ]) {
    test(`cannot be one ${name}`, async () => {
      const { fixture, create } = await open(mesh);
      await using _ = fixture;
      await assert.rejects(create(spec), { code, message });
    });
  }
});

describe("the ports of a service", () => {
  test("need the ingress network", async () => {
    const { fixture, create } = await open();
    await using _ = fixture;
    await assert.rejects(create(publishing({})), {
      code: "precondition",
      message: "service needs ingress network, but no ingress network is present",
    });
  });

  for (const { first, second, as } of [
    { first: "ingress", second: "ingress", as: "an ingress" },
    { first: "ingress", second: "host", as: "an ingress" },
    { first: "host", second: "ingress", as: "a host-published" },
    { first: "host", second: "host", as: undefined },
  ] as const) {
    test(`in mode ${second} where another has it in mode ${first}: ${as === undefined ? "allowed" : "refused"}`, async () => {
      const { fixture, create } = await open(mesh);
      await using _ = fixture;
      const { id } = await create(publishing({ PublishedPort: 80, PublishMode: first }, "one"));
      const another = create(publishing({ PublishedPort: 80, PublishMode: second }, "two"));
      if (as === undefined) await another;
      else {
        const message = `port '80' is already in use by service 'one' (${id}) as ${as} port`;
        await assert.rejects(another, { code: "invalid", message });
      }
    });
  }

  test("that were given are kept by an update, with the addresses", async () => {
    const given = aService({
      id: "web",
      spec: publishing({}),
      endpoint: {
        ports: [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 30_005, PublishMode: "ingress" }],
        virtualIPs: [
          { networkId: "net-in", address: "10.0.0.9" },
          { networkId: "net-app", address: "10.0.1.9" },
        ],
      },
    });
    const { fixture, services, view, signal } = await open(mesh, app, given);
    await using _ = fixture;
    const version = view.get("service", "web")?.version ?? 0;
    const options = { registryAuthFrom: "spec", rollback: false } as const;
    await services.updateService("web", version, publishing({}), options, signal);
    assert.deepEqual(view.get("service", "web")?.endpoint, {
      spec: publishing({}).EndpointSpec,
      ports: given.endpoint?.ports,
      virtualIPs: [{ networkId: "net-in", address: "10.0.0.9" }],
    });
  });
});
