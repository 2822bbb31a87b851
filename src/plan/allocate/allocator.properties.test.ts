import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { contains, hostRange, overlaps, parseCidr, parseIpv4 } from "#base/ipv4.ts";
import type { Task } from "#model/objects.ts";
import { isTerminal, isWanted } from "#model/task-state.ts";
import { updated } from "#plan/testing/builders.ts";
import { hasItsEndpoint } from "./endpoint.ts";
import { ingressNetwork, publishesIngress } from "./needs.ts";
import { aCluster, aHost, aNetwork, aService, aTask, ingress, TestCluster, tcp, withSubnet } from "./testing.ts";

const NETWORKS = ["ingress", "n1", "n2", "n3"] as const;
const SERVICES = ["s1", "s2", "s3"] as const;
const NODES = ["h1", "h2", "h3"] as const;
const TASKS = ["t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8"] as const;

const ports = fc.array(
  fc
    .tuple(fc.integer({ min: 1, max: 2 }), fc.constantFrom(0, 0, 80, 30_000), fc.constantFrom("tcp", "udp"))
    .map(([target, published, Protocol]) => tcp(target, published, { Protocol })),
  { maxLength: 3 },
);

/** Ports as a valid spec has them: none twice. */
const endpoint = fc.tuple(fc.constantFrom("vip", "dnsrr"), ports).map(([Mode, all]) => ({
  Mode,
  Ports: all.filter(
    (port, index) =>
      Mode === "vip" &&
      (!port.PublishedPort ||
        all.findIndex((o) => o.PublishedPort === port.PublishedPort && o.Protocol === port.Protocol) === index),
  ),
}));

const taskOf = { id: fc.constantFrom(...TASKS), of: fc.constantFrom(...SERVICES) };

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("network"),
      id: fc.constantFrom(...NETWORKS),
      subnet: fc.constantFrom(undefined, undefined, "10.0.0.0/28", "10.0.0.8/29", "192.168.0.0/24"),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("service"),
      id: fc.constantFrom(...SERVICES),
      networks: fc.subarray(["n1", "n2", "n3", "host"]),
      endpoint,
    }),
  },
  { weight: 8, arbitrary: fc.record({ type: fc.constant("task"), ...taskOf }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("bound"), ...taskOf, on: fc.constantFrom(...NODES) }) },
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant("place"), id: fc.constantFrom(...TASKS), on: fc.constantFrom(...NODES) }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("end"), id: fc.constantFrom(...TASKS) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("stop"), id: fc.constantFrom(...TASKS) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("node"),
      id: fc.constantFrom(...NODES),
      routes: fc.constantFrom([], [], [], ["10.0.0.0/29"], ["192.168.0.0/16"]),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("drop"),
      object: fc.constantFrom(
        ...NETWORKS.map((id) => ["network", id] as const),
        ...SERVICES.map((id) => ["service", id] as const),
        ...NODES.map((id) => ["node", id] as const),
        ...TASKS.map((id) => ["task", id] as const),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ type: "restart" } as const) },
  { weight: 2, arbitrary: fc.constant({ type: "lag" } as const) },
  { weight: 2, arbitrary: fc.constant({ type: "catch up" } as const) },
  {
    weight: 8,
    // How many of the operations the store takes.
    arbitrary: fc.record({ type: fc.constant("allocate"), taken: fc.constantFrom(0, 1, 3, 99, 99) }),
  },
);

const steps = fc.array(step, { minLength: 20, maxLength: 120, size: "max" });

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function carryOut(swarm: TestCluster, step: Step): void {
  const { view } = swarm;
  switch (step.type) {
    case "network": {
      if (view.byName("network", step.id) !== undefined) return;
      const spec = step.subnet === undefined ? {} : withSubnet(step.subnet);
      const id = `${step.id}.${view.revision}`;
      return swarm.put(aNetwork(id, { Name: step.id, ...spec, Ingress: step.id === "ingress" }));
    }
    case "service": {
      const networks = step.networks.map((name) => view.byName("network", name)?.id ?? name);
      const fresh = aService(step.id, networks, step.endpoint);
      const old = view.get("service", step.id);
      return swarm.put(old === undefined ? fresh : updated(old, fresh.spec));
    }
    case "task":
    case "bound": {
      const of = view.get("service", step.of);
      if (of === undefined || view.get("task", step.id) !== undefined) return;
      return swarm.put(aTask(of, step.id, step.type === "bound" ? { nodeId: step.on } : {}));
    }
    case "place": {
      const task = view.get("task", step.id);
      if (task?.status.state !== "pending" || (task.nodeId !== undefined && task.nodeId !== step.on)) return;
      return swarm.place(step.id, step.on);
    }
    case "end": {
      const task = view.get("task", step.id);
      if (task === undefined || isTerminal(task.status.state)) return;
      return swarm.report(step.id, task.status.state === "assigned" ? "failed" : "shutdown");
    }
    case "stop":
      if (view.get("task", step.id) !== undefined) swarm.setTask(step.id, { desired: "shutdown" });
      return;
    case "node": {
      const old = view.get("node", step.id);
      const { attachments } = old ?? {};
      return swarm.put({ ...aHost(step.id, ...step.routes), ...(attachments && { attachments }) });
    }
    case "drop": {
      const [kind, name] = step.object;
      const id = kind === "network" ? (view.byName(kind, name)?.id ?? name) : name;
      if (view.get(kind, id) !== undefined) swarm.drop(kind, id);
      return;
    }
    case "restart":
      return swarm.restart();
    case "lag":
      return swarm.lag();
    case "catch up":
      return swarm.catchUp();
    case "allocate":
      return swarm.commitSome(swarm.plan(), step.taken);
  }
}

/** Whoever holds addresses on a network. */
function usersOf({ view }: TestCluster, networkId: string): readonly string[] {
  return [
    ...view.list("node").flatMap(({ attachments }) => attachments?.[networkId] ?? []),
    ...view
      .list("service")
      .flatMap(({ endpoint }) => endpoint?.virtualIPs?.filter((vip) => vip.networkId === networkId) ?? [])
      .map(({ address }) => address),
    ...view
      .list("task")
      .filter(({ status }) => !isTerminal(status.state))
      .flatMap(({ networks }) => networks?.filter((place) => place.networkId === networkId) ?? [])
      .map(({ address }) => address),
  ];
}

function assertUnique(values: readonly unknown[], what: string): void {
  assert.equal(new Set(values).size, values.length, `${what} given twice: ${values.join(", ")}`);
}

function checkSafety(swarm: TestCluster): void {
  const networks = swarm.view.list("network");
  assertUnique(
    networks.flatMap(({ allocation }) => allocation?.vni ?? []),
    "VNI",
  );
  for (const { id, allocation } of networks) {
    const users = usersOf(swarm, id);
    assertUnique(users, `address of ${id}`);
    const subnet = parseCidr(allocation?.subnet ?? "");
    if (subnet === undefined || allocation === undefined) {
      assert.deepEqual(users, [], `addresses of ${id}, which has none`);
      continue;
    }
    const { first, last } = hostRange(subnet);
    for (const address of users.map((user) => parseIpv4(user) ?? -1)) {
      assert.ok(contains(subnet, address) && address >= first && address <= last, "in the subnet");
      assert.notEqual(address, parseIpv4(allocation.gateway), "not the gateway");
    }
    for (const other of networks) {
      const block = parseCidr(other.allocation?.subnet ?? "");
      assert.ok(other.id === id || block === undefined || !overlaps(block, subnet), `${id} and ${other.id} overlap`);
    }
  }
  const published = swarm.view
    .list("service")
    .flatMap(({ endpoint }) =>
      (endpoint?.ports ?? []).map(({ Protocol, PublishedPort }) => `${PublishedPort}/${Protocol}`),
    );
  assertUnique(published, "port");
}

function settle(swarm: TestCluster): void {
  swarm.catchUp();
  for (let pass = 0; pass < 10; pass++) if (swarm.allocate().length === 0) return;
  assert.fail("does not come to rest");
}

/** In a settled state everything has what it needs, or says why not. */
function checkSettled(swarm: TestCluster): void {
  const { view } = swarm;
  const ingressId = ingressNetwork(view.list("network"))?.id;
  const isMeshUsed = view.list("service").some(({ spec }) => publishesIngress(spec.EndpointSpec));
  for (const network of view.list("network")) assert.ok(network.allocation ?? network.problem, network.id);
  for (const service of view.list("service")) {
    assert.equal(hasItsEndpoint(service, ingressId), service.problem === undefined, service.id);
  }
  const isWaiting = ({ status, desired, serviceId }: Task) =>
    status.state === "new" && isWanted(desired) && view.get("service", serviceId ?? "") !== undefined;
  for (const task of view.list("task").filter(isWaiting)) assert.ok(task.status.err, `${task.id} has no reason`);
  for (const node of view.list("node")) {
    const needed = new Set(
      view
        .tasksOfNode(node.id)
        .flatMap(({ networks }) => networks ?? [])
        .map(({ networkId }) => networkId),
    );
    if (isMeshUsed && ingressId !== undefined) needed.add(ingressId);
    const open = [...needed].filter((id) => view.get("network", id)?.allocation !== undefined);
    const lacking = open.filter((id) => node.attachments?.[id] === undefined);
    for (const id of lacking) assert.ok(view.get("network", id)?.problem, `${node.id} lacks ${id}`);
    const has = Object.keys(node.attachments ?? {}).sort();
    assert.deepEqual(has, open.filter((id) => !lacking.includes(id)).sort());
  }
}

const small = (): TestCluster =>
  new TestCluster(
    aCluster(29, "10.0.0.0/27"),
    ingress(),
    aNetwork("n1"),
    aNetwork("n2"),
    aHost("h1"),
    aHost("h2"),
    aService("s1", ["n1"], { Ports: [tcp(80)] }),
    aService("s2", ["n1", "n2"]),
  );

test("whatever happens, nothing is given twice", () => {
  fc.assert(
    fc.property(steps, (all) => {
      const swarm = small();
      for (const each of all) {
        carryOut(swarm, each);
        checkSafety(swarm);
      }
      settle(swarm);
      checkSafety(swarm);
      checkSettled(swarm);
      assert.deepEqual(swarm.allocate(), [], "a settled state needs no plan");
      swarm.restart();
      settle(swarm);
      checkSettled(swarm);
    }),
    { numRuns: 250 },
  );
});

test("when everything is removed, everything is free again", () => {
  fc.assert(
    fc.property(steps, fc.boolean(), (all, inTheEnd) => {
      const swarm = small();
      for (const each of all) carryOut(swarm, each);
      for (const kind of ["task", "service", "node", "network"] as const) {
        for (const { id } of swarm.view.list(kind)) swarm.drop(kind, id);
        if (inTheEnd) settle(swarm);
      }
      settle(swarm);
      // Four subnets of six hosts, and as many dynamic ports as there ever are.
      const of = aService("all", ["a"], { Mode: "dnsrr" });
      const published = aService("ports", [], { Ports: Array.from({ length: 2_768 }, (_, index) => tcp(index + 1)) });
      swarm.put(aNetwork("a"), aNetwork("b"), aNetwork("c"), ingress(), of, published);
      for (let index = 1; index <= 5; index++) swarm.put(aTask(of, `all.${index}`));
      settle(swarm);
      assert.deepEqual(
        swarm.view.list("network").filter(({ problem }) => problem),
        [],
      );
      assert.equal(swarm.service("ports").problem, undefined);
      assert.deepEqual(
        swarm.view.list("task").filter(({ status }) => status.state !== "pending"),
        [],
      );
    }),
    { numRuns: 50 },
  );
});

test("what is enough for all is enough in any order", () => {
  const web = aService("web", ["n1"], { Ports: [tcp(80), tcp(443, 443)] });
  const db = aService("db", ["n1", "n2"], { Mode: "dnsrr" });
  const objects = [
    aNetwork("n1"),
    aNetwork("n2"),
    aHost("h1"),
    aHost("h2"),
    web,
    db,
    aTask(web, "t1"),
    aTask(web, "t2", { nodeId: "h1" }),
    aTask(db, "t3"),
  ];
  fc.assert(
    fc.property(
      fc.shuffledSubarray(objects, { minLength: objects.length }),
      fc.nat(objects.length),
      (order, together) => {
        const swarm = new TestCluster(aCluster(), ingress());
        swarm.put(...order.slice(0, together));
        settle(swarm);
        for (const object of order.slice(together)) {
          swarm.put(object);
          settle(swarm);
        }
        checkSafety(swarm);
        checkSettled(swarm);
        assert.deepEqual(
          swarm.view.list("task").map(({ status }) => status.state),
          ["pending", "pending", "pending"],
        );
        assert.deepEqual(
          swarm.view.list("service").filter(({ problem }) => problem),
          [],
        );
      },
    ),
    { numRuns: 50 },
  );
});
