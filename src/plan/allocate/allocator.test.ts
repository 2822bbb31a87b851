import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Service, Task } from "#model/objects.ts";
import { updated } from "#plan/testing/builders.ts";
import { aCluster, aHost, aNetwork, aService, aTask, ingress, TestCluster, tcp, withSubnet } from "./testing.ts";

const ids = (count: number, prefix: string): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);

describe("networks", () => {
  test("get subnets of the pool in turn, a gateway and a VXLAN network identifier of their own", () => {
    const swarm = new TestCluster(aCluster(), ingress(), aNetwork("app"), aNetwork("data"));
    assert.deepEqual(swarm.allocate(), ["ingress", "app", "data"]);
    assert.deepEqual(swarm.network("ingress").allocation, { subnet: "10.0.0.0/24", gateway: "10.0.0.1", vni: 4096 });
    assert.deepEqual(swarm.network("app").allocation, { subnet: "10.0.1.0/24", gateway: "10.0.1.1", vni: 4097 });
    assert.deepEqual(swarm.network("data").allocation, { subnet: "10.0.2.0/24", gateway: "10.0.2.1", vni: 4098 });
    assert.deepEqual(swarm.allocate(), []);
  });

  test("get what they ask for", () => {
    const spec = withSubnet("10.9.0.0/16", { Gateway: "10.9.0.9", IPRange: "10.9.4.0/24" });
    const swarm = new TestCluster(aCluster(), aNetwork("app", spec));
    swarm.allocate();
    const allocation = { subnet: "10.9.0.0/16", gateway: "10.9.0.9", range: "10.9.4.0/24", vni: 4096 };
    assert.deepEqual(swarm.network("app").allocation, allocation);
  });

  test("do not get subnets that a host has a route to, or that others have asked for", () => {
    const swarm = new TestCluster(
      aCluster(),
      aHost("h1", "10.0.0.0/23", "0.0.0.0/0"),
      aHost("h2", "10.0.2.64/26"),
      aNetwork("asked", withSubnet("10.0.3.0/24")),
      aNetwork("app"),
    );
    swarm.allocate();
    assert.equal(swarm.network("app").allocation?.subnet, "10.0.4.0/24");
  });

  test("do not soon get what was given back, but get it in the end", () => {
    const swarm = new TestCluster(aCluster(24, "10.0.0.0/23"), aNetwork("a"));
    swarm.allocate();
    swarm.drop("network", "a");
    swarm.put(aNetwork("b"));
    swarm.allocate();
    assert.equal(swarm.network("b").allocation?.subnet, "10.0.1.0/24");
    assert.equal(swarm.network("b").allocation?.vni, 4097);
    swarm.put(aNetwork("c"));
    swarm.allocate();
    assert.equal(swarm.network("c").allocation?.subnet, "10.0.0.0/24");
  });

  test("say why there is no subnet for them, and get one when there is", () => {
    const swarm = new TestCluster(aCluster(24, "10.0.0.0/24"), aNetwork("a"), aNetwork("b"));
    swarm.allocate();
    assert.match(swarm.network("b").problem ?? "", /no subnet of size \/24 is free .*10\.0\.0\.0\/24.*--subnet/);
    assert.deepEqual(swarm.allocate(), []);
    swarm.drop("network", "a");
    swarm.allocate();
    assert.equal(swarm.network("b").allocation?.subnet, "10.0.0.0/24");
    assert.equal(swarm.network("b").problem, undefined);
    assert.deepEqual(swarm.allocate(), []);
  });

  test("that ask for a subnet in use say whose it is", () => {
    const swarm = new TestCluster(
      aCluster(),
      aHost("h1", "172.20.0.0/16"),
      aNetwork("a", withSubnet("10.5.0.0/16")),
      aNetwork("b", withSubnet("10.5.9.0/24")),
      aNetwork("c", withSubnet("172.20.4.0/24")),
    );
    swarm.allocate();
    assert.match(
      swarm.network("b").problem ?? "",
      /^subnet 10\.5\.9\.0\/24 overlaps with 10\.5\.0\.0\/16 of network a:/,
    );
    assert.match(swarm.network("c").problem ?? "", /^subnet .* overlaps with the route 172\.20\.0\.0\/16 of host h1:/);
    swarm.put(aHost("h1"));
    swarm.drop("network", "a");
    swarm.allocate();
    assert.deepEqual(
      ["b", "c"].map((id) => swarm.network(id).allocation?.subnet),
      ["10.5.9.0/24", "172.20.4.0/24"],
    );
  });

  test("say so when a host comes with a route into them", () => {
    const swarm = new TestCluster(aCluster(), aNetwork("app"));
    swarm.allocate();
    swarm.put(aHost("h1", "10.0.0.0/16"));
    assert.deepEqual(swarm.allocate(), ["app"]);
    assert.match(swarm.network("app").problem ?? "", /overlaps with the route 10\.0\.0\.0\/16 of host h1/);
    swarm.put(aHost("h1"));
    swarm.allocate();
    assert.equal(swarm.network("app").problem, undefined);
  });

  test("of the mesh: there is one", () => {
    const swarm = new TestCluster(aCluster(), ingress(), aNetwork("mesh", { Ingress: true }));
    swarm.allocate();
    assert.match(swarm.network("mesh").problem ?? "", /^network ingress is the ingress network already/);
    swarm.drop("network", "ingress");
    swarm.allocate();
    assert.notEqual(swarm.network("mesh").allocation, undefined);
    assert.equal(swarm.network("mesh").problem, undefined);
  });
});

describe("services", () => {
  const open = (...objects: readonly Service[]) =>
    new TestCluster(aCluster(), ingress(), aNetwork("app"), aNetwork("data"), ...objects);

  test("get a virtual address on each network, the ingress network first, and ports", () => {
    const swarm = open(
      aService("web", ["data", "app", "host"], { Ports: [tcp(80), tcp(443, 443), tcp(1, 2, { PublishMode: "host" })] }),
    );
    swarm.allocate();
    assert.deepEqual(swarm.virtualIPs("web"), ["ingress 10.0.0.2", "data 10.0.2.2", "app 10.0.1.2"]);
    assert.deepEqual(swarm.ports("web"), ["30000:80", "443:443", "2:1"]);
    assert.deepEqual(swarm.service("web").endpoint?.spec, swarm.service("web").spec.EndpointSpec);
    assert.deepEqual(swarm.allocate(), []);
  });

  test("have no virtual addresses with endpoint mode dnsrr", () => {
    const swarm = open(aService("web", ["app"], { Mode: "dnsrr" }));
    swarm.allocate();
    assert.deepEqual(swarm.service("web").endpoint, { spec: { Mode: "dnsrr" } });
  });

  test("keep what stays the same through updates, and give back the rest", () => {
    const web = aService("web", ["app", "data"], { Ports: [tcp(80), tcp(81), tcp(443, 443)] });
    const swarm = open(web);
    swarm.allocate();
    const spec = aService("web", ["data"], { Ports: [tcp(81), tcp(82), tcp(443, 444)] }).spec;
    swarm.put(updated(swarm.service("web"), spec));
    swarm.allocate();
    assert.deepEqual(swarm.ports("web"), ["30001:81", "30002:82", "444:443"]);
    assert.deepEqual(swarm.virtualIPs("web"), ["ingress 10.0.0.2", "data 10.0.2.2"]);
    swarm.put(updated(swarm.service("web"), { EndpointSpec: { Mode: "dnsrr" } }));
    swarm.allocate();
    assert.deepEqual(swarm.service("web").endpoint, { spec: { Mode: "dnsrr" } });
    swarm.put(updated(swarm.service("web"), { EndpointSpec: { Mode: "vip" } }));
    swarm.allocate();
    assert.deepEqual(swarm.virtualIPs("web"), ["data 10.0.2.3"]);
    assert.deepEqual(swarm.allocate(), []);
  });

  test("keep a dynamic port that they now ask for by its number", () => {
    const swarm = open(aService("web", [], { Ports: [tcp(80)] }));
    swarm.allocate();
    swarm.put(updated(swarm.service("web"), { EndpointSpec: { Ports: [tcp(90), tcp(80, 30_000)] } }));
    swarm.allocate();
    assert.deepEqual(swarm.ports("web"), ["30001:90", "30000:80"]);
  });

  test("that ask for a port of another say whose it is, and get it when that is gone", () => {
    const swarm = open(
      aService("a", [], { Ports: [tcp(80, 80)] }),
      aService("b", [], { Ports: [tcp(90), tcp(80, 80)] }),
    );
    swarm.allocate();
    assert.equal(swarm.service("b").problem, "port 80/tcp is published by service a already: publish another one");
    assert.deepEqual(swarm.ports("b"), [], "all or nothing");
    assert.deepEqual(swarm.allocate(), []);
    swarm.drop("service", "a");
    swarm.allocate();
    assert.deepEqual(swarm.ports("b"), ["30000:90", "80:80"]);
    assert.equal(swarm.service("b").problem, undefined);
  });

  test("do not share ports of one number with other protocols, but numbers", () => {
    const ports = [tcp(53, 53), tcp(53, 53, { Protocol: "udp" }), tcp(1), tcp(1, 0, { Protocol: "udp" })];
    const swarm = open(aService("dns", [], { Ports: ports }));
    swarm.allocate();
    assert.deepEqual(swarm.ports("dns"), ["53:53", "53:53", "30000:1", "30000:1"]);
  });

  test("get no dynamic port that tasks of others open on their hosts", () => {
    const swarm = open(
      aService("a", [], { Ports: [tcp(1, 30_000, { PublishMode: "host" })] }),
      aService("b", [], { Ports: [tcp(2)] }),
    );
    swarm.allocate();
    swarm.put(aService("c", [], { Ports: [tcp(3)] }));
    swarm.allocate();
    assert.ok(!swarm.ports("c").includes("30000:3"));
  });

  test("say when all dynamic ports are in use", () => {
    const many = Array.from({ length: 2_768 }, (_, index) => tcp(index + 1));
    const swarm = open(aService("many", [], { Ports: many }), aService("one", [], { Ports: [tcp(1)] }));
    swarm.allocate();
    assert.equal(swarm.ports("many").at(-1), "32767:2768");
    assert.match(swarm.service("one").problem ?? "", /^no tcp port from 30000 to 32767 is free/);
    swarm.put(updated(swarm.service("many"), { EndpointSpec: { Ports: many.slice(1) } }));
    assert.deepEqual(swarm.allocate(), ["many"], "free when the store knows, not before");
    swarm.allocate();
    assert.deepEqual(swarm.ports("one"), ["30000:1"]);
  });

  test("wait for the ingress network while there is none", () => {
    const web = aService("web", [], { Ports: [tcp(80, 80)] });
    const swarm = new TestCluster(aCluster(), aHost("h1"), web, aTask(web, "t1"));
    swarm.allocate();
    assert.match(swarm.service("web").problem ?? "", /ingress network, which does not exist.*--ingress/);
    assert.equal(swarm.task("t1").status.err, swarm.service("web").problem);
    swarm.put(ingress());
    swarm.allocate();
    assert.equal(swarm.service("web").problem, undefined);
    assert.deepEqual(swarm.addresses("t1"), ["10.0.0.4"]);
    assert.equal(swarm.task("t1").status.err, undefined);
  });
});

describe("tasks", () => {
  const web = aService("web", ["app"], { Ports: [tcp(80)] });
  const open = () => new TestCluster(aCluster(), ingress(), aNetwork("app"), aHost("h1"), aHost("h2"), web);

  test("become pending with all their addresses in the pass that sees everything", () => {
    const swarm = open();
    swarm.put(aTask(web, "t1"), aTask(web, "t2"));
    swarm.allocate();
    const { networks, status, endpoint } = swarm.task("t1");
    assert.deepEqual(networks, [
      { networkId: "ingress", address: "10.0.0.5" },
      { networkId: "app", address: "10.0.1.3" },
    ]);
    assert.deepEqual([status.state, status.message], ["pending", "pending task scheduling"]);
    assert.deepEqual(endpoint, { spec: web.spec.EndpointSpec, ports: [tcp(80, 30_000)] });
    assert.deepEqual(swarm.addresses("t2"), ["10.0.0.6", "10.0.1.4"]);
    assert.deepEqual(swarm.allocate(), []);
  });

  test("give their addresses back when they have ended or are deleted", () => {
    const swarm = open();
    swarm.put(aTask(web, "t1"), aTask(web, "t2"));
    swarm.allocate();
    swarm.place("t1", "h1");
    swarm.report("t1", "failed");
    swarm.drop("task", "t2");
    swarm.put(...ids(250, "n").map((id) => aTask(web, id)));
    swarm.allocate();
    const inUse = ids(250, "n").filter((id) => swarm.task(id).networks !== undefined);
    // 254 hosts: the gateway, the virtual address, the node's own, and one kept for the other node.
    assert.equal(inUse.length, 253 - 3, "on app, which is the first to be used up");
    assert.ok(inUse.some((id) => swarm.addresses(id)[1] === "10.0.1.3"));
  });

  test("keep their addresses when a manager rejects them while they run: nobody tells when they have stopped", () => {
    const swarm = open();
    swarm.put(aTask(web, "t1"));
    swarm.allocate();
    swarm.place("t1", "h1");
    const held = swarm.addresses("t1");
    const rejected = { state: "rejected", timestamp: 0, message: "" } as const;
    const container = { containerId: "c1", pid: 1, exitCode: 0 };
    swarm.put({ ...swarm.task("t1"), status: { ...rejected, container } });
    swarm.put(...ids(250, "n").map((id) => aTask(web, id)));
    swarm.allocate();
    const given = ids(250, "n").flatMap((id) => swarm.addresses(id));
    for (const address of held) assert.ok(!given.includes(address), `${address} was given twice`);
  });

  test("that nobody wants any more get nothing", () => {
    const swarm = open();
    swarm.put(aTask(web, "t1", { desired: "shutdown" }));
    swarm.allocate();
    assert.equal(swarm.task("t1").status.state, "new");
  });

  test("wait until their service has its endpoint, and bear its reason", () => {
    const other = aService("other", [], { Ports: [tcp(80, 80)] });
    const late = aService("late", ["app"], { Ports: [tcp(80, 80)] });
    const swarm = open();
    swarm.put(other, late, aTask(late, "t1"));
    swarm.allocate();
    assert.match(swarm.task("t1").status.err ?? "", /^port 80\/tcp is published by service other/);
    swarm.drop("service", "other");
    swarm.allocate();
    assert.equal(swarm.task("t1").status.state, "pending");
    assert.equal(swarm.task("t1").status.err, undefined);
  });

  test("get the address that was asked for, or the reason why not", () => {
    const swarm = open();
    const attached = (id: string, ...Addresses: readonly string[]): Task => {
      const { serviceId: _, endpoint: __, ...rest } = aTask(web, id, { nodeId: "h1" });
      return { ...rest, spec: { ForceUpdate: 0, Networks: [{ Target: "app", Addresses }] } };
    };
    swarm.put(attached("a", "10.0.1.77"), attached("b"), attached("c", "10.0.1.77"), attached("d", "10.9.9.9"));
    swarm.put(attached("e", "10.0.1.1"));
    swarm.allocate();
    assert.deepEqual(swarm.addresses("a"), ["10.0.1.77"]);
    assert.deepEqual(swarm.addresses("b").length, 1);
    assert.match(
      swarm.task("c").status.err ?? "",
      /^address 10\.0\.1\.77 .* app \(10\.0\.1\.0\/24\), where it is in use: /,
    );
    assert.match(swarm.task("d").status.err ?? "", /where it is not in the subnet: /);
    assert.match(swarm.task("e").status.err ?? "", /where it is reserved: /);
    assert.equal(swarm.network("app").problem, undefined);
    swarm.drop("task", "a");
    swarm.allocate();
    assert.deepEqual(swarm.addresses("c"), ["10.0.1.77"]);
  });

  test("of a used-up network say so, and so does the network, until something is freed", () => {
    const small = aNetwork("small", withSubnet("10.7.0.0/29"));
    const of = aService("s", ["small"]);
    const swarm = new TestCluster(aCluster(), small, aHost("h1"), of, ...ids(6, "t").map((id) => aTask(of, id)));
    swarm.allocate();
    const states = () => ids(6, "t").map((id) => swarm.task(id).status.state);
    // Six hosts: the gateway, the virtual address, one kept for the node.
    assert.deepEqual(states(), ["pending", "pending", "pending", "new", "new", "new"]);
    assert.match(
      swarm.task("t4").status.err ?? "",
      /^the 5 addresses of network small \(10\.7\.0\.0\/29\) .* --subnet$/,
    );
    assert.equal(swarm.network("small").problem, swarm.task("t4").status.err);
    assert.deepEqual(swarm.allocate(), []);
    for (const id of ["t1", "t2", "t3"]) swarm.place(id, "h1");
    swarm.allocate();
    assert.notEqual(swarm.node("h1").attachments?.["small"], undefined, "the address that was kept");
    swarm.report("t1", "complete");
    swarm.allocate();
    assert.deepEqual(states(), ["complete", "assigned", "assigned", "pending", "new", "new"]);
    swarm.drop("task", "t5");
    swarm.drop("task", "t6");
    swarm.allocate();
    assert.equal(swarm.network("small").problem, undefined);
  });
});

describe("nodes", () => {
  const web = aService("web", ["app"]);

  test("get an address where a task is placed, and give it back when the last is deleted", () => {
    const swarm = new TestCluster(aCluster(), aNetwork("app"), aHost("h1"), aHost("h2"), web, aTask(web, "t1"));
    swarm.allocate();
    assert.equal(swarm.node("h1").attachments, undefined);
    swarm.place("t1", "h1");
    assert.deepEqual(swarm.allocate(), ["h1"]);
    assert.deepEqual(swarm.node("h1").attachments, { app: "10.0.0.4" });
    swarm.report("t1", "failed");
    assert.deepEqual(swarm.allocate(), [], "its container is still there");
    swarm.drop("task", "t1");
    assert.deepEqual(swarm.allocate(), ["h1"]);
    assert.ok(!("attachments" in swarm.node("h1")));
  });

  test("come back to the address that they had, unless it is another's by now", () => {
    const swarm = new TestCluster(aCluster(), aNetwork("app"), aHost("h1"), web, aTask(web, "t1", { nodeId: "h1" }));
    swarm.allocate();
    const former = swarm.node("h1").attachments?.["app"] ?? "";
    const comeBack = (...before: readonly Task[]) => {
      swarm.drop("task", "t1");
      swarm.allocate();
      swarm.put(...before, aTask(web, "t1", { nodeId: "h1" }));
      swarm.allocate();
      return swarm.node("h1").attachments?.["app"];
    };
    assert.equal(comeBack(), former);
    const { serviceId: _, endpoint: __, ...rest } = aTask(web, "t2", { nodeId: "h2" });
    const spec = { NetworkAttachmentSpec: { ContainerID: "" }, Networks: [{ Target: "app", Addresses: [former] }] };
    const next = comeBack({ ...rest, spec: { ...spec, ForceUpdate: 0 } });
    assert.ok(next !== undefined && next !== former);
  });

  test("get it together with tasks that are bound to them", () => {
    const swarm = new TestCluster(aCluster(), aNetwork("app"), aHost("h1"), web, aTask(web, "t1", { nodeId: "h1" }));
    swarm.allocate();
    assert.deepEqual(swarm.node("h1").attachments, { app: "10.0.0.4" });
  });

  test("are on the ingress network while a service publishes ports, all of them", () => {
    const swarm = new TestCluster(aCluster(), ingress(), aHost("h1"), aHost("h2"));
    swarm.allocate();
    assert.equal(swarm.node("h1").attachments, undefined);
    swarm.put(aService("web", [], { Ports: [tcp(80)] }));
    swarm.allocate();
    const addresses = ["h1", "h2"].map((id) => swarm.node(id).attachments?.["ingress"]);
    assert.deepEqual(addresses, ["10.0.0.2", "10.0.0.3"]);
    swarm.put(aHost("h3"));
    swarm.allocate();
    assert.equal(swarm.node("h3").attachments?.["ingress"], "10.0.0.5");
    swarm.drop("service", "web");
    swarm.allocate();
    assert.deepEqual(
      ["h1", "h2", "h3"].map((id) => swarm.node(id).attachments),
      [undefined, undefined, undefined],
    );
  });

  test("leave a network that is removed", () => {
    const swarm = new TestCluster(aCluster(), aNetwork("app"), aHost("h1"), web, aTask(web, "t1", { nodeId: "h1" }));
    swarm.allocate();
    swarm.report("t1", "complete");
    swarm.drop("service", "web");
    swarm.drop("network", "app");
    swarm.allocate();
    assert.ok(!("attachments" in swarm.node("h1")));
  });

  test("without an address make the network say so, and get it when one is freed", () => {
    const swarm = new TestCluster(aCluster(29, "10.0.0.0/16"), ingress(), ...ids(7, "h").map((id) => aHost(id)));
    swarm.put(aService("web", [], { Mode: "vip", Ports: [tcp(80)] }));
    swarm.allocate();
    const without = () => ids(7, "h").filter((id) => swarm.node(id).attachments === undefined);
    assert.deepEqual(without(), ["h6", "h7"]);
    assert.match(swarm.network("ingress").problem ?? "", /^the 5 addresses .*docker network rm ingress,.*--subnet/);
    swarm.drop("node", "h1");
    swarm.allocate();
    assert.deepEqual(
      ["h6", "h7"].filter((id) => swarm.node(id).attachments === undefined),
      ["h7"],
    );
    swarm.drop("node", "h7");
    swarm.drop("node", "h2");
    swarm.allocate();
    assert.equal(swarm.network("ingress").problem, undefined);
    assert.deepEqual(swarm.virtualIPs("web").length, 1);
  });
});

describe("between decision and confirmation", () => {
  const web = aService("web", ["app"]);

  test("what was decided counts: nothing is given twice", () => {
    const swarm = new TestCluster(aCluster(), aNetwork("app"), web, aTask(web, "t1"));
    const first = swarm.plan();
    swarm.put(aTask(web, "t2"));
    const second = swarm.plan();
    swarm.commit(first);
    swarm.commit(second);
    assert.notDeepEqual(swarm.addresses("t1"), swarm.addresses("t2"));
    assert.deepEqual(swarm.allocate(), []);
  });

  test("what is refused is free again, and decided anew", () => {
    const swarm = new TestCluster(aCluster(), aNetwork("app"), web, aTask(web, "t1"));
    const { operations } = swarm.plan();
    swarm.allocator.forget(operations);
    assert.deepEqual(swarm.allocate(), ["app", "web", "t1"]);
    assert.deepEqual(swarm.allocate(), []);
  });

  test("what others changed meanwhile is respected", () => {
    const swarm = new TestCluster(aCluster(), aNetwork("app"), web, aTask(web, "t1"));
    const { operations } = swarm.plan();
    swarm.put({ ...web, spec: aService("web", []).spec });
    swarm.allocator.forget(operations);
    swarm.allocate();
    assert.deepEqual(swarm.virtualIPs("web"), []);
  });

  test("a decision is not taken back by what was known when it was made", () => {
    const swarm = new TestCluster(aCluster(), aNetwork("app"));
    const plan = swarm.plan();
    swarm.allocator.observe({ type: "create", kind: "network", object: swarm.network("app") });
    swarm.put(aNetwork("data"));
    swarm.commit(plan);
    swarm.allocate();
    assert.notEqual(swarm.network("app").allocation?.subnet, swarm.network("data").allocation?.subnet);
  });
});

test("who takes over goes on with what is in use", () => {
  const web = aService("web", ["app"], { Ports: [tcp(80)] });
  const swarm = new TestCluster(aCluster(), ingress(), aNetwork("app"), aHost("h1"), web, aTask(web, "t1"));
  swarm.allocate();
  swarm.restart();
  assert.deepEqual(swarm.allocate(), []);
  swarm.put(aNetwork("data"), aTask(web, "t2"), aService("b", ["app"], { Ports: [tcp(80)] }));
  swarm.allocate();
  assert.equal(swarm.network("data").allocation?.vni, 4098);
  assert.deepEqual(swarm.ports("b"), ["30001:80"]);
  const given = ["t1", "t2"].flatMap((id) => swarm.addresses(id));
  assert.equal(new Set(given).size, 4);
});
