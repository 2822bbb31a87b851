import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { StoreObject, Task } from "#model/objects.ts";
import { attachedTask, meshPort, network, nodeOn, serviceOn, taskOn } from "#plan/testing/networks.ts";
import { AssignmentStreams } from "./assignment-streams.ts";
import { Mailboxes } from "./mailboxes.ts";
import { aCluster, aLiveManager, type Fixture, openFixture } from "./testing/fixture.ts";
import { NodeDouble } from "./testing/node-double.ts";
import { WITHDRAWAL_LIMIT_MS } from "./withdrawals.ts";

const API = serviceOn("api", { app: ["backend"] });
const N1 = nodeOn("n1", 1, { app: "10.0.1.2" });
const N2 = nodeOn("n2", 2, { app: "10.0.1.3" });
const N3 = nodeOn("n3", 3, {});
const T1 = taskOn(API, "t1", { app: "10.0.1.10" });
const WORLD: readonly StoreObject[] = [aCluster(), network("app", 1), N1, N2, N3, API, T1];

async function open(...objects: readonly StoreObject[]) {
  const fixture = await openFixture();
  await fixture.seed(...objects);
  return { fixture, ...manage(fixture, "m1") };
}

/** The streams of one manager, and nodes that have their session there. */
function manage(fixture: Fixture, nodeId: string) {
  const { clock, log, signal, state } = fixture;
  const mailboxes = new Mailboxes();
  const connected = new Set<string>();
  const published: number[] = [];
  const publish = (withdrawnUpTo: number) => {
    published.push(withdrawnUpTo);
    fixture.spawn(() => fixture.rewrite("manager", nodeId, (manager) => ({ ...manager, withdrawnUpTo })));
  };
  const isConnected = (id: string) => connected.has(id);
  const streams = new AssignmentStreams({ clock, log, view: state.view, mailboxes, isConnected, nodeId, publish });
  const commits = state.commits(signal);
  fixture.spawn((stop) => streams.run(stop));
  fixture.spawn(async () => {
    for await (const commit of commits) {
      for (const change of commit.changes) mailboxes.deliver(change);
      streams.route(commit);
    }
  });
  const connect = async (id: string, confirms = true): Promise<NodeDouble> => {
    const node = new NodeDouble(id, streams, confirms);
    connected.add(id);
    fixture.spawn((stop) => node.connect(stop).finally(() => connected.delete(id)));
    await clock.settle();
    return node;
  };
  return { streams, connect, published };
}

const desire = (fixture: Fixture, id: string, desired: Task["desired"]) =>
  fixture.rewrite("task", id, (task) => ({ ...task, desired }));

const report = (fixture: Fixture, id: string, state: Task["status"]["state"]) =>
  fixture.rewrite("task", id, (task) => ({ ...task, status: { ...task.status, state } }));

describe("what a node is told of networks", () => {
  test("at first all of it, in one message, before its tasks", async () => {
    const { fixture, connect } = await open(...WORLD);
    await using _ = fixture;
    const n1 = await connect("n1");
    const [first] = n1.messages;
    assert.deepEqual(
      first?.changes.map((change) => change.type === "update" && change.object.kind),
      ["node-network", "node-service", "task"],
    );
    assert.deepEqual((await connect("n3")).messages[0]?.changes, []);
  });

  test("a change reaches all nodes of the network without a wait, and nobody else", async () => {
    const { fixture, connect } = await open(...WORLD);
    await using _ = fixture;
    const [n1, n2, n3] = [await connect("n1"), await connect("n2"), await connect("n3")];
    await fixture.seed(taskOn(API, "t2", { app: "10.0.1.11" }, { nodeId: "n2", slot: 2 }));
    await fixture.clock.settle();
    for (const node of [n1, n2]) assert.deepEqual([node.calls("t1"), node.calls("t2")], [true, true]);
    assert.equal(n3.messages.length, 1);
  });

  test("many changes at once come in few messages", async () => {
    const { fixture, connect } = await open(...WORLD);
    await using _ = fixture;
    const n1 = await connect("n1");
    for (let index = 0; index < 50; index++) {
      await fixture.seed(
        taskOn(API, `x${index}`, { app: `10.0.1.${100 + index}` }, { slot: 10 + index, nodeId: "n2" }),
      );
    }
    await fixture.clock.advance(20);
    assert.equal(n1.services[0]?.endpoints.length, 51);
    assert.ok(n1.messages.length <= 4, `${n1.messages.length} messages`);
  });

  test("a status that changes nothing for others is told to no one", async () => {
    const { fixture, connect } = await open(...WORLD);
    await using _ = fixture;
    const n2 = await connect("n2");
    await fixture.rewrite("task", "t1", (task) => ({ ...task, status: { ...task.status, message: "still running" } }));
    await fixture.rewrite("service", "api", (service) => ({ ...service, updatedAt: 7 }));
    await fixture.rewrite("node", "n1", (node) => ({ ...node, spec: { ...node.spec, Labels: { rack: "a" } } }));
    await fixture.clock.advance(50);
    assert.equal(n2.messages.length, 1);
  });

  const changes: readonly {
    readonly name: string;
    readonly make: (fixture: Fixture) => Promise<void>;
    readonly check: (n2: NodeDouble) => void;
  }[] = [
    {
      name: "a node that goes down serves nothing",
      make: (fixture) =>
        fixture.rewrite("node", "n1", (node) => ({ ...node, status: { ...node.status, state: "down" } })),
      check: (n2) => assert.equal(n2.calls("t1"), false),
    },
    {
      name: "a node that moves is found at its new address",
      make: (fixture) =>
        fixture.rewrite("node", "n1", (node) => ({ ...node, status: { ...node.status, addr: "10.1.0.9" } })),
      check: (n2) => {
        assert.equal(n2.networks[0]?.peers[0]?.host, "10.1.0.9");
        assert.equal(n2.services[0]?.endpoints[0]?.host, "10.1.0.9");
      },
    },
    {
      name: "a node that joins the network is a peer",
      make: (fixture) => fixture.rewrite("node", "n3", (node) => ({ ...node, attachments: { app: "10.0.1.4" } })),
      check: (n2) =>
        assert.deepEqual(
          n2.networks[0]?.peers.map(({ nodeId }) => nodeId),
          ["n1", "n3"],
        ),
    },
    {
      name: "a node that is removed is no peer",
      make: (fixture) => remove(fixture, "node", "n1"),
      check: (n2) => assert.deepEqual([n2.networks[0]?.peers, n2.services[0]?.endpoints], [[], []]),
    },
    {
      name: "a new virtual IP is told",
      make: (fixture) =>
        fixture.rewrite("service", "api", (service) => ({
          ...service,
          endpoint: { virtualIPs: [{ networkId: "app", address: "10.0.1.9" }] },
        })),
      check: (n2) => assert.equal(n2.services[0]?.networks[0]?.virtualIP, "10.0.1.9"),
    },
    {
      name: "a container that its user attaches is told",
      make: (fixture) => fixture.seed(attachedTask("t9", "tool", { app: "10.0.1.20" })),
      check: (n2) => assert.equal(n2.calls("t9"), true),
    },
    {
      name: "a service that ends with its tasks is forgotten",
      make: async (fixture) => {
        await remove(fixture, "service", "api");
        await remove(fixture, "task", "t1");
      },
      check: (n2) => assert.deepEqual(n2.services, []),
    },
    {
      name: "who leaves the network forgets all of it",
      make: (fixture) => fixture.rewrite("node", "n2", (node) => ({ ...node, attachments: {} })),
      check: (n2) => assert.deepEqual([n2.networks, n2.services], [[], []]),
    },
  ];
  for (const { name, make, check } of changes) {
    test(name, async () => {
      const { fixture, connect } = await open(...WORLD);
      await using _ = fixture;
      const n2 = await connect("n2");
      await make(fixture);
      await fixture.clock.advance(20);
      check(n2);
    });
  }

  test("a published port is told on the ingress network, and only there", async () => {
    const web = serviceOn(
      "web",
      { app: [] },
      {
        endpoint: {
          ports: [meshPort(8080, 80)],
          virtualIPs: [
            { networkId: "ingress", address: "10.0.0.9" },
            { networkId: "app", address: "10.0.1.9" },
          ],
        },
      },
    );
    const entry = nodeOn("n3", 3, { ingress: "10.0.0.4" });
    const { fixture, connect } = await open(
      aCluster(),
      network("app", 1),
      network("ingress", 0, { Ingress: true }),
      N2,
      entry,
      web,
    );
    await using _ = fixture;
    const [n2, n3] = [await connect("n2"), await connect("n3")];
    const told = (node: NodeDouble) => [
      node.services[0]?.ports.map(({ published }) => published),
      node.services[0]?.networks.map(({ networkId }) => networkId),
    ];
    assert.deepEqual(told(n2), [[], ["app"]]);
    assert.deepEqual(told(n3), [[8080], ["ingress"]]);
  });
});

describe("a task that serves is stopped", () => {
  test("only when all nodes of its networks have turned away", async () => {
    const { fixture, connect } = await open(...WORLD);
    await using _ = fixture;
    const [n1, n2] = [await connect("n1"), await connect("n2", false)];
    const desired = () => n1.task("t1")?.desired;
    await desire(fixture, "t1", "shutdown");
    await fixture.clock.advance(100);
    assert.deepEqual([n1.calls("t1"), n2.calls("t1"), desired()], [false, false, "running"]);
    n2.confirm();
    await fixture.clock.advance(20);
    assert.equal(desired(), "shutdown");
  });

  test("within a moment when all confirm at once", async () => {
    const { fixture, connect } = await open(...WORLD);
    await using _ = fixture;
    const n1 = await connect("n1");
    for (const id of ["n2", "n3"]) await connect(id);
    await desire(fixture, "t1", "remove");
    await fixture.clock.advance(20);
    assert.equal(n1.task("t1")?.desired, "remove");
  });

  test("also when its own node is the one that has not turned away", async () => {
    const { fixture, connect } = await open(...WORLD);
    await using _ = fixture;
    const n1 = await connect("n1");
    n1.confirms = false;
    await desire(fixture, "t1", "shutdown");
    await fixture.clock.advance(100);
    assert.equal(n1.task("t1")?.desired, "running");
    n1.confirm();
    await fixture.clock.advance(20);
    assert.equal(n1.task("t1")?.desired, "shutdown");
  });

  test("after five seconds when a node does not answer", async () => {
    const { fixture, connect } = await open(...WORLD);
    await using _ = fixture;
    const n1 = await connect("n1");
    await connect("n2", false);
    await desire(fixture, "t1", "shutdown");
    await fixture.clock.advance(WITHDRAWAL_LIMIT_MS - 1);
    assert.equal(n1.task("t1")?.desired, "running");
    await fixture.clock.advance(30);
    assert.equal(n1.task("t1")?.desired, "shutdown");
  });

  test("when the last node that was waited for is lost", async () => {
    const { fixture, connect } = await open(...WORLD);
    await using _ = fixture;
    const n1 = await connect("n1");
    const n2 = await connect("n2", false);
    await desire(fixture, "t1", "shutdown");
    await fixture.clock.advance(100);
    assert.equal(n1.task("t1")?.desired, "running");
    n2.leave();
    await fixture.clock.advance(20);
    assert.equal(n1.task("t1")?.desired, "shutdown");
  });

  test("when a removed service takes it along", async () => {
    const { fixture, connect } = await open(...WORLD);
    await using _ = fixture;
    const [n1, n2] = [await connect("n1"), await connect("n2", false)];
    await remove(fixture, "service", "api");
    await desire(fixture, "t1", "remove");
    await fixture.clock.advance(100);
    assert.deepEqual([n2.calls("t1"), n2.services[0]?.endpoints.length, n1.task("t1")?.desired], [false, 1, "running"]);
    n2.confirm();
    await fixture.clock.advance(20);
    assert.equal(n1.task("t1")?.desired, "remove");
  });

  test("when a manager had rejected it while it ran", async () => {
    const { fixture, connect } = await open(...WORLD);
    await using _ = fixture;
    const [n1, n2] = [await connect("n1"), await connect("n2", false)];
    await report(fixture, "t1", "rejected");
    await desire(fixture, "t1", "shutdown");
    await fixture.clock.advance(100);
    assert.deepEqual([n2.calls("t1"), n1.task("t1")?.desired], [false, "running"]);
    n2.confirm();
    await fixture.clock.advance(20);
    assert.equal(n1.task("t1")?.desired, "shutdown");
  });

  test("by a manager that has just started, when the nodes that it expects have come and confirmed", async () => {
    const unknown = { ...N2, status: { ...N2.status, state: "unknown" as const } };
    const leaving = { ...T1, desired: "shutdown" as const };
    const { fixture, connect } = await open(aCluster(), network("app", 1), N1, unknown, API, leaving);
    await using _ = fixture;
    const n1 = await connect("n1");
    await fixture.clock.advance(100);
    assert.equal(n1.task("t1")?.desired, "running");
    const n2 = await connect("n2", false);
    assert.equal(n2.calls("t1"), false);
    await fixture.clock.advance(100);
    assert.equal(n1.task("t1")?.desired, "running");
    n2.confirm();
    await fixture.clock.advance(20);
    assert.equal(n1.task("t1")?.desired, "shutdown");
  });

  test("by a manager that has just started, without a node that does not come and is down", async () => {
    const unknown = { ...N2, status: { ...N2.status, state: "unknown" as const } };
    const leaving = { ...T1, desired: "shutdown" as const };
    const { fixture, connect } = await open(aCluster(), network("app", 1), N1, unknown, API, leaving);
    await using _ = fixture;
    const n1 = await connect("n1");
    await fixture.rewrite("node", "n2", (node) => ({ ...node, status: { ...node.status, state: "down" } }));
    await fixture.clock.advance(20);
    assert.equal(n1.task("t1")?.desired, "shutdown");
  });

  test("many at once wait once", async () => {
    const tasks = Array.from({ length: 50 }, (_, index) =>
      taskOn(API, `x${index}`, { app: `10.0.1.${100 + index}` }, { slot: 10 + index }),
    );
    const { fixture, connect } = await open(...WORLD, ...tasks);
    await using _ = fixture;
    const [n1, n2] = [await connect("n1"), await connect("n2")];
    const before = n2.messages.length;
    for (const { id } of tasks) await desire(fixture, id, "shutdown");
    await fixture.clock.advance(100);
    for (const { id } of tasks) assert.equal(n1.task(id)?.desired, "shutdown");
    assert.ok(n2.messages.length - before <= 5, `${n2.messages.length - before} messages`);
  });
});

describe("a task that serves is stopped in a cluster of several managers", () => {
  async function openTwo(...objects: readonly StoreObject[]) {
    const { fixture, ...m1 } = await open(...WORLD, ...objects, aLiveManager("m1"), aLiveManager("m2"));
    return { fixture, m1, m2: manage(fixture, "m2") };
  }

  test("when the nodes of the other manager have turned away, too", async () => {
    const { fixture, m1, m2 } = await openTwo();
    await using _ = fixture;
    const [n1, n2] = [await m1.connect("n1"), await m2.connect("n2", false)];
    await desire(fixture, "t1", "shutdown");
    await fixture.clock.advance(100);
    assert.deepEqual([n2.calls("t1"), n1.task("t1")?.desired], [false, "running"]);
    n2.confirm();
    await fixture.clock.advance(20);
    assert.equal(n1.task("t1")?.desired, "shutdown");
    assert.deepEqual([m1.published.length, m2.published.length], [0, 1]);
  });

  test("within a moment, also when the other manager has no node of its networks", async () => {
    const { fixture, m1, m2 } = await openTwo();
    await using _ = fixture;
    const n1 = await m1.connect("n1");
    await m2.connect("n3");
    await desire(fixture, "t1", "remove");
    await fixture.clock.advance(20);
    assert.equal(n1.task("t1")?.desired, "remove");
  });

  test("each by the manager that has its node, and both at once", async () => {
    const t2 = taskOn(API, "t2", { app: "10.0.1.11" }, { nodeId: "n2", slot: 2 });
    const { fixture, m1, m2 } = await openTwo(t2);
    await using _ = fixture;
    const [n1, n2] = [await m1.connect("n1"), await m2.connect("n2")];
    await desire(fixture, "t1", "shutdown");
    await desire(fixture, "t2", "shutdown");
    await fixture.clock.advance(50);
    assert.deepEqual([n1.task("t1")?.desired, n2.task("t2")?.desired], ["shutdown", "shutdown"]);
  });

  test("without a manager that is lost meanwhile", async () => {
    const { fixture, m1, m2 } = await openTwo();
    await using _ = fixture;
    const n1 = await m1.connect("n1");
    await m2.connect("n2", false);
    await desire(fixture, "t1", "shutdown");
    await fixture.clock.advance(100);
    assert.equal(n1.task("t1")?.desired, "running");
    await remove(fixture, "manager", "m2");
    await fixture.clock.advance(20);
    assert.equal(n1.task("t1")?.desired, "shutdown");
  });

  test("after five seconds without one that hangs", async () => {
    const { fixture, ...m1 } = await open(...WORLD, aLiveManager("m1"), aLiveManager("hangs"));
    await using _ = fixture;
    const n1 = await m1.connect("n1");
    await desire(fixture, "t1", "shutdown");
    await fixture.clock.advance(WITHDRAWAL_LIMIT_MS - 1);
    assert.equal(n1.task("t1")?.desired, "running");
    await fixture.clock.advance(30);
    assert.equal(n1.task("t1")?.desired, "shutdown");
  });

  test("by the manager that its node has moved to, once the nodes of the old one have turned away", async () => {
    const { fixture, m1, m2 } = await openTwo();
    await using _ = fixture;
    const n1 = await m1.connect("n1");
    const n2 = await m1.connect("n2", false);
    await desire(fixture, "t1", "shutdown");
    await fixture.clock.advance(100);
    n1.leave();
    await fixture.clock.settle();
    await fixture.rewrite("node", "n1", (node) => ({ ...node, status: { ...node.status, via: "m2" } }));
    const moved = await m2.connect("n1");
    await fixture.clock.advance(100);
    assert.equal(moved.task("t1")?.desired, "running");
    n2.confirm();
    await fixture.clock.advance(20);
    assert.equal(moved.task("t1")?.desired, "shutdown");
  });
});

describe("a task is stopped at once", () => {
  const cases: readonly { readonly name: string; readonly task: Task }[] = [
    { name: "that has no networks", task: { ...T1, networks: [] } },
    { name: "that has never served", task: without(T1, "ranAt") },
    { name: "that has ended", task: { ...T1, status: { ...T1.status, state: "failed" } } },
  ];
  for (const { name, task } of cases) {
    test(name, async () => {
      const { fixture, connect } = await open(aCluster(), network("app", 1), N1, N2, API, task);
      await using _ = fixture;
      const n1 = await connect("n1");
      await connect("n2", false);
      await desire(fixture, "t1", "shutdown");
      await fixture.clock.settle();
      assert.equal(n1.task("t1")?.desired, "shutdown");
    });
  }
});

test("a node may confirm only what it was sent", async () => {
  const { fixture, streams, connect } = await open(...WORLD);
  await using _ = fixture;
  await connect("n1", false);
  for (const resultsIn of ["2", "0", "-1", "1.5", "", "NaN", "1e9", "x"]) {
    assert.throws(() => streams.confirm("n1", resultsIn), { code: "invalid" }, resultsIn);
  }
  streams.confirm("n1", "1");
  streams.confirm("n1", "1");
  streams.confirm("stranger", "1");
});

async function remove(fixture: Fixture, kind: "node" | "service" | "task" | "manager", id: string): Promise<void> {
  const expect = fixture.state.view.get(kind, id)?.version ?? 0;
  await fixture.state.commit([{ type: "delete", kind, id, expect }], fixture.signal);
}

function without(task: Task, key: "ranAt"): Task {
  const { [key]: _, ...rest } = task;
  return rest;
}
