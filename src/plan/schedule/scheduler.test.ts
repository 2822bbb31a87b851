import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { GenericResource, TaskSpec } from "#model/spec.ts";
import { node, service, status, taskSpec } from "#plan/testing/builders.ts";
import { description, nodes, placed, serviceless, serviceOf, TestCluster, waiting, waitingTasks } from "./testing.ts";

const WEB = serviceOf("web");
const cpus = (count: number): Partial<TaskSpec> => ({ Resources: { Reservations: { NanoCPUs: count * 1e9 } } });
const small = (id: string) => node(id, { description: description({ cpus: 1 }) });

describe("placing", () => {
  test("a placed task says so", () => {
    const cluster = new TestCluster([
      ...nodes("n1"),
      waiting(WEB, "t1", { status: status("pending", { err: "why" }) }),
    ]);
    cluster.schedule();
    const { nodeId, status: placedStatus, updatedAt } = cluster.task("t1");
    assert.equal(nodeId, "n1");
    assert.equal(updatedAt, cluster.now);
    assert.deepEqual(placedStatus, {
      state: "assigned",
      timestamp: cluster.now,
      message: "scheduler assigned task to node",
    });
  });

  test("tasks of a service spread over the nodes, the least loaded first", () => {
    const cluster = new TestCluster([
      ...nodes("n1", "n2", "n3"),
      placed(serviceOf("db"), "db1", "n1"),
      placed(WEB, "w1", "n2"),
      ...waitingTasks(WEB, 4),
    ]);
    cluster.schedule();
    assert.deepEqual(cluster.counts("web"), { n1: 1, n2: 2, n3: 2 });
  });

  test("tasks without a service go to the least loaded node", () => {
    const running = placed(WEB, "w1", "n1");
    const cluster = new TestCluster([
      ...nodes("n1", "n2"),
      running,
      serviceless("t1"),
      serviceless("t2"),
      serviceless("t3"),
    ]);
    cluster.schedule();
    assert.deepEqual(cluster.counts(), { n1: 2, n2: 2 });
  });

  test("a node where the service keeps failing gets nothing while another can take it", () => {
    const failures = ["f1", "f2", "f3", "f4", "f5"].map((id) =>
      placed(WEB, id, "n1", { status: status("failed", { timestamp: 1_000_000 }) }),
    );
    const cluster = new TestCluster([WEB, ...nodes("n1", "n2"), ...failures, ...waitingTasks(WEB, 3)]);
    cluster.schedule();
    assert.deepEqual(cluster.counts("web"), { n1: 0, n2: 3 });
  });

  test("failures of global services tell nothing of a node", () => {
    const everywhere = service({ Name: "web", Mode: { Global: {} } });
    const failures = ["f1", "f2", "f3", "f4", "f5"].map((id) =>
      placed(everywhere, id, "n1", { status: status("failed", { timestamp: 1_000_000 }) }),
    );
    const cluster = new TestCluster([everywhere, ...nodes("n1", "n2"), ...failures, ...waitingTasks(everywhere, 2)]);
    cluster.schedule();
    assert.deepEqual(cluster.counts("web"), { n1: 1, n2: 1 });
  });

  test("named units are given out once", () => {
    const gpu = (Value: string): GenericResource => ({ NamedResourceSpec: { Kind: "gpu", Value } });
    const wants = serviceOf("ml", {
      Resources: { Reservations: { GenericResources: [{ DiscreteResourceSpec: { Kind: "gpu", Value: 1 } }] } },
    });
    const host = node("n1", { description: description({ generic: [gpu("a"), gpu("b")] }) });
    const cluster = new TestCluster([host, ...waitingTasks(wants, 3, "t")]);
    cluster.schedule();
    assert.deepEqual(cluster.task("t1").genericResources, [gpu("a")]);
    assert.deepEqual(cluster.task("t2").genericResources, [gpu("b")]);
    assert.equal(cluster.err("t3"), "no suitable node (insufficient resources on 1 node)");
    cluster.set("t1", { status: status("complete") });
    cluster.schedule();
    assert.deepEqual(cluster.task("t3").genericResources, [gpu("a")]);
  });
});

describe("preassigned tasks", () => {
  const GLOBAL = service(
    { Name: "agent", Mode: { Global: {} }, TaskTemplate: taskSpec("agent", cpus(1)) },
    { id: "agent" },
  );
  const on = (id: string, nodeId: string) => waiting(GLOBAL, id, { nodeId, slot: 0 });

  test("they are only checked, and before all others", () => {
    const cluster = new TestCluster([GLOBAL, small("n1"), waiting(serviceOf("web", cpus(1)), "w1"), on("g1", "n1")]);
    cluster.schedule();
    assert.equal(cluster.task("g1").status.message, "scheduler confirmed task can run on preassigned node");
    assert.equal(cluster.task("g1").status.state, "assigned");
    assert.equal(cluster.err("w1"), "no suitable node (insufficient resources on 1 node)");
  });

  test("one that does not fit says why, and waits for its own node", () => {
    const full = placed(serviceOf("web", cpus(1)), "w1", "n1");
    const cluster = new TestCluster([GLOBAL, small("n1"), small("n2"), full, on("g1", "n1")]);
    assert.deepEqual(cluster.schedule(), ["g1"]);
    assert.equal(cluster.err("g1"), "insufficient resources on 1 node");
    assert.deepEqual(cluster.schedule(), []);
    cluster.set("w1", { status: status("failed") });
    assert.deepEqual(cluster.schedule(), ["g1"]);
    assert.equal(cluster.task("g1").status.err, undefined);
  });

  test("one whose node is not there waits for it", () => {
    const cluster = new TestCluster([GLOBAL, on("g1", "n1")]);
    assert.deepEqual(cluster.schedule(), []);
    cluster.put(small("n1"));
    assert.deepEqual(cluster.schedule(), ["g1"]);
  });
});

describe("tasks that wait", () => {
  const BIG = serviceOf("big", cpus(2));

  test("they say why, and are not written again while nothing changes", () => {
    const cluster = new TestCluster([small("n1"), node("n2", { availability: "drain" }), waiting(BIG, "t1")]);
    assert.deepEqual(cluster.schedule(), ["t1"]);
    const { state, message, err } = cluster.task("t1").status;
    assert.deepEqual([state, message], ["pending", "pending"]);
    assert.equal(err, "no suitable node (1 node not available for new tasks; insufficient resources on 1 node)");
    assert.deepEqual(cluster.schedule(), []);
  });

  test("without any node there is no reason to give", () => {
    const cluster = new TestCluster([waiting(WEB, "t1")]);
    cluster.schedule();
    assert.equal(cluster.err("t1"), "no suitable node");
  });

  test("what is left of a group is explained", () => {
    const limited = serviceOf("web", { Placement: { MaxReplicas: 1, Constraints: ["node.id!=n3"] } });
    const cluster = new TestCluster([...nodes("n1", "n2", "n3"), ...waitingTasks(limited, 3, "t")]);
    cluster.schedule();
    assert.deepEqual(cluster.counts(), { n1: 1, n2: 1, n3: 0 });
    assert.equal(
      cluster.err("t3"),
      "no suitable node (max replicas per node limit exceed; scheduling constraints not satisfied on 1 node)",
    );
  });

  test("a task that comes later to a group is told as well", () => {
    const cluster = new TestCluster([small("n1"), waiting(BIG, "t1")]);
    cluster.schedule();
    cluster.put(waiting(BIG, "t2"));
    assert.deepEqual(cluster.schedule(), ["t2"]);
    assert.equal(cluster.err("t2"), cluster.err("t1"));
  });

  for (const { name, change } of [
    { name: "a node comes", change: (to: TestCluster) => to.put(node("n2", { description: description() })) },
    {
      name: "a node grows",
      change: (to: TestCluster) => to.put(node("n1", { description: description({ cpus: 4 }) })),
    },
    { name: "a task ends", change: (to: TestCluster) => to.set("w1", { status: status("complete") }) },
    { name: "a task is deleted", change: (to: TestCluster) => to.drop("task", "w1") },
  ]) {
    test(`they are tried again when ${name}`, () => {
      const host = node("n1", { description: description({ cpus: 2 }) });
      const cluster = new TestCluster([host, placed(BIG, "w1", "n1"), waiting(BIG, "t1")]);
      cluster.schedule();
      assert.ok(cluster.err("t1"));
      change(cluster);
      assert.deepEqual(cluster.schedule(), ["t1"]);
      assert.equal(cluster.task("t1").status.state, "assigned");
    });
  }

  test("a limit of replicas gives way when a replica is to end", () => {
    const limited = serviceOf("web", { Placement: { MaxReplicas: 1 } });
    const cluster = new TestCluster([...nodes("n1"), placed(limited, "w1", "n1"), waiting(limited, "t1")]);
    cluster.schedule();
    cluster.set("w1", { desired: "shutdown" });
    assert.deepEqual(cluster.schedule(), ["t1"]);
  });

  test("their reasons follow the nodes", () => {
    const cluster = new TestCluster([small("n1"), small("n2"), waiting(BIG, "t1")]);
    cluster.schedule();
    cluster.drop("node", "n2");
    cluster.schedule();
    assert.equal(cluster.err("t1"), "no suitable node (insufficient resources on 1 node)");
    cluster.put({ ...small("n1"), status: { state: "down", addr: "", since: 0 } });
    cluster.schedule();
    assert.equal(cluster.err("t1"), "no suitable node (1 node not available for new tasks)");
  });
});

describe("tasks that nobody wants", () => {
  test("one without addresses is left alone, but ended when nobody wants it", () => {
    const state = status("new");
    const cluster = new TestCluster([
      ...nodes("n1"),
      waiting(WEB, "t1", { status: state }),
      waiting(WEB, "t2", { status: state }),
    ]);
    assert.deepEqual(cluster.schedule(), []);
    cluster.set("t1", { desired: "shutdown" });
    cluster.set("t2", { desired: "remove" });
    assert.deepEqual(cluster.schedule(), ["t1"]);
    assert.equal(cluster.task("t1").status.state, "shutdown");
  });

  test("one that is to shut down ends at once, whatever it waits for", () => {
    const why = { desired: "shutdown", status: status("pending", { err: "no suitable node" }) } as const;
    const cluster = new TestCluster([
      ...nodes("n1"),
      waiting(WEB, "t1", why),
      waiting(WEB, "t2", { ...why, nodeId: "n1" }),
    ]);
    assert.deepEqual(cluster.schedule(), ["t1", "t2"]);
    assert.deepEqual(cluster.task("t1").status, { state: "shutdown", timestamp: cluster.now, message: "pending" });
    assert.equal(cluster.task("t2").status.state, "shutdown");
    assert.deepEqual(cluster.schedule(), []);
  });

  test("one that is to be removed is left alone", () => {
    const cluster = new TestCluster([...nodes("n1"), waiting(WEB, "t1", { desired: "remove" })]);
    assert.deepEqual(cluster.schedule(), []);
  });

  test("new tasks, and those that have ended, are none of its business", () => {
    const cluster = new TestCluster([
      ...nodes("n1"),
      waiting(WEB, "t1", { status: status("new") }),
      waiting(WEB, "t2", { status: status("failed") }),
    ]);
    assert.deepEqual(cluster.schedule(), []);
  });
});

describe("decisions that the store has not confirmed", () => {
  const ONE = serviceOf("one", cpus(1));

  test("they count at once", () => {
    const cluster = new TestCluster([small("n1"), waiting(ONE, "t1")]);
    const first = cluster.plan();
    cluster.put(waiting(ONE, "t2"));
    assert.deepEqual(cluster.schedule(), ["t2"]);
    assert.equal(cluster.err("t2"), "no suitable node (insufficient resources on 1 node)");
    assert.deepEqual(cluster.commit(first), ["t1"]);
  });

  test("one that was refused is made anew, and what it took is free", () => {
    const cluster = new TestCluster([small("n1"), waiting(ONE, "t1"), waiting(ONE, "t2")]);
    cluster.plan();
    cluster.drop("task", "t1");
    cluster.scheduler.forget(["t1", "t2"]);
    assert.deepEqual(cluster.schedule(), ["t2"]);
    assert.equal(cluster.task("t2").nodeId, "n1");
  });

  test("a change of the task by someone else wins", () => {
    const cluster = new TestCluster([small("n1"), waiting(ONE, "t1")]);
    cluster.plan();
    cluster.set("t1", { desired: "shutdown" });
    cluster.scheduler.forget(["t1"]);
    assert.deepEqual(cluster.schedule(), ["t1"]);
    assert.equal(cluster.task("t1").status.state, "shutdown");
  });

  test("an explanation that was refused is given again", () => {
    const cluster = new TestCluster([waiting(ONE, "t1")]);
    cluster.plan();
    cluster.scheduler.forget(["t1"]);
    assert.deepEqual(cluster.schedule(), ["t1"]);
  });

  test("an older change that comes late is ignored", () => {
    const cluster = new TestCluster([small("n1"), waiting(ONE, "t1")]);
    const old = cluster.task("t1");
    cluster.schedule();
    cluster.scheduler.observe({ type: "update", kind: "task", object: old, old });
    cluster.put(waiting(ONE, "t2"));
    cluster.schedule();
    assert.ok(cluster.err("t2"));
  });
});
