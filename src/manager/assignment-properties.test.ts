import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { StoreObject, Task } from "#model/objects.ts";
import type { View } from "#model/view.ts";
import { mustBeWithdrawn } from "#plan/network/withdrawal.ts";
import { network, nodeOn, serviceOn, taskOn } from "#plan/testing/networks.ts";
import { AssignmentStreams } from "./assignment-streams.ts";
import { NodeAssignments } from "./assignments.ts";
import { Mailboxes } from "./mailboxes.ts";
import { NetworkDirectory } from "./network-directory.ts";
import { aCluster, aLiveManager, type Fixture, openFixture } from "./testing/fixture.ts";
import { NodeDouble } from "./testing/node-double.ts";
import { WITHDRAWAL_LIMIT_MS } from "./withdrawals.ts";
import { WriteQueue } from "./write-queue.ts";

const NETWORKS = ["a", "b", "ingress"];
const NODES = ["n1", "n2", "n3"];
const SERVICES = ["s1", "s2"];
const TASKS = ["t1", "t2", "t3", "t4"];
const MANAGERS = ["m1", "m2"];

const networks = fc.subarray(NETWORKS);
const steps = fc.oneof(
  fc.record({ kind: fc.constant("node" as const), id: fc.constantFrom(...NODES), on: networks, addr: fc.nat(2) }),
  fc.record({ kind: fc.constant("state" as const), id: fc.constantFrom(...NODES), down: fc.boolean() }),
  fc.record({ kind: fc.constant("service" as const), id: fc.constantFrom(...SERVICES), on: networks }),
  fc.record({ kind: fc.constant("no service" as const), id: fc.constantFrom(...SERVICES) }),
  fc.record({
    kind: fc.constant("task" as const),
    id: fc.constantFrom(...TASKS),
    of: fc.constantFrom(...SERVICES),
    nodeId: fc.constantFrom(...NODES),
    on: networks,
  }),
  fc.record({
    kind: fc.constant("status" as const),
    id: fc.constantFrom(...TASKS),
    state: fc.constantFrom("running" as const, "failed" as const, "rejected" as const),
  }),
  fc.record({
    kind: fc.constant("desired" as const),
    id: fc.constantFrom(...TASKS),
    desired: fc.constantFrom("shutdown" as const, "remove" as const),
  }),
  fc.record({ kind: fc.constant("no task" as const), id: fc.constantFrom(...TASKS) }),
  fc.record({
    kind: fc.constant("reconnect" as const),
    id: fc.constantFrom(...NODES),
    to: fc.constantFrom(...MANAGERS),
    slowMs: fc.constantFrom(0, 50),
  }),
  fc.record({ kind: fc.constant("confirm" as const), id: fc.constantFrom(...NODES), confirms: fc.boolean() }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(1, 30, 6_000) }),
);
type Step = typeof steps extends fc.Arbitrary<infer T> ? T : never;

const addresses = (on: readonly string[], host: number): Record<string, string> =>
  Object.fromEntries(on.map((id) => [id, `10.0.${NETWORKS.indexOf(id)}.${host}`]));

const serviceWith = (id: string, on: readonly string[]) =>
  serviceOn(id, Object.fromEntries(on.filter((each) => each !== "ingress").map((each) => [each, [`${each}-alias`]])), {
    endpoint: { virtualIPs: Object.entries(addresses(on, 9)).map(([networkId, address]) => ({ networkId, address })) },
  });

/** The streams of two managers, with three nodes that read them. */
class World {
  readonly fixture: Fixture;
  readonly nodes = new Map<string, NodeDouble>();
  /** Tasks that were stopped while a connected node still called them. */
  readonly cutOff: string[] = [];
  readonly #streams = new Map<string, AssignmentStreams>();
  /** By node. */
  readonly #managers = new Map<string, string>();

  constructor(fixture: Fixture) {
    this.fixture = fixture;
    for (const id of MANAGERS) this.#start(id);
  }

  #start(nodeId: string): void {
    const { clock, log, state, signal } = this.fixture;
    const mailboxes = new Mailboxes();
    const isConnected = (id: string) => this.#managers.get(id) === nodeId;
    const presence = new WriteQueue("manager", state, clock);
    this.fixture.spawn((stop) => presence.run(stop));
    const publish = (withdrawnUpTo: number) => {
      presence.put(nodeId, (manager) => ({ ...manager, withdrawnUpTo })).catch(() => undefined);
    };
    const streams = new AssignmentStreams({ clock, log, view: state.view, mailboxes, isConnected, nodeId, publish });
    const commits = state.commits(signal);
    this.fixture.spawn((stop) => streams.run(stop));
    this.fixture.spawn(async () => {
      for await (const commit of commits) {
        for (const change of commit.changes) mailboxes.deliver(change);
        streams.route(commit);
      }
    });
    this.#streams.set(nodeId, streams);
  }

  get view(): View {
    return this.fixture.state.view;
  }

  connect(id: string, to: string, slowMs = 0): void {
    this.nodes.get(id)?.leave();
    const streams = this.#streams.get(to);
    assert.ok(streams);
    const node = new NodeDouble(id, streams);
    const { clock, signal } = this.fixture;
    if (slowMs > 0) node.dawdle = () => clock.sleep(slowMs, signal);
    node.onStop = (taskId) => {
      const task = this.view.get("task", taskId);
      if (task === undefined || !mustBeWithdrawn(task)) return;
      const callers = [...this.nodes.values()].filter((other) => other.calls(taskId));
      if (callers.length > 0) this.cutOff.push(`${taskId} by ${callers.map((other) => other.id).join()}`);
    };
    this.nodes.set(id, node);
    this.#managers.set(id, to);
    this.fixture.spawn((signal) => node.connect(signal));
  }

  async put(object: StoreObject): Promise<void> {
    const known = this.view.get(object.kind, object.id);
    if (known === undefined) await this.fixture.seed(object);
    else await this.fixture.state.commit([{ type: "update", object, expect: known.version }], this.fixture.signal);
  }

  async drop(kind: "service" | "task", id: string): Promise<void> {
    const known = this.view.get(kind, id);
    if (known === undefined) return;
    await this.fixture.state.commit([{ type: "delete", kind, id, expect: known.version }], this.fixture.signal);
  }

  async rewriteTask(id: string, change: (task: Task) => Task): Promise<void> {
    if (this.view.get("task", id) !== undefined) await this.fixture.rewrite("task", id, change);
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "node": {
        const number = NODES.indexOf(step.id) + 1;
        const { status } = this.view.get("node", step.id) ?? nodeOn(step.id, number, {});
        const node = nodeOn(step.id, number, addresses(step.on, number + 1));
        return await this.put({ ...node, status: { ...status, addr: `10.1.${step.addr}.${number}` } });
      }
      case "state":
        return await this.fixture.rewrite("node", step.id, (node) => ({
          ...node,
          status: { ...node.status, state: step.down ? "down" : "ready" },
        }));
      case "service":
        return await this.put(serviceWith(step.id, step.on));
      case "no service":
        return await this.drop("service", step.id);
      case "task": {
        const known = this.view.get("task", step.id);
        const place = addresses(step.on, 100 + TASKS.indexOf(step.id));
        const state = "assigned" as const;
        if (known === undefined)
          await this.put(taskOn(serviceWith(step.of, []), step.id, place, { nodeId: step.nodeId, state }));
        return;
      }
      case "status":
        return await this.rewriteTask(step.id, (task) => ({ ...task, status: { ...task.status, state: step.state } }));
      case "desired":
        return await this.rewriteTask(step.id, (task) => ({ ...task, desired: step.desired }));
      case "no task":
        return await this.drop("task", step.id);
      case "reconnect":
        return this.connect(step.id, step.to, step.slowMs);
      case "confirm": {
        const node = this.nodes.get(step.id);
        if (node === undefined || node.messages.length === 0) return;
        node.confirms = step.confirms;
        return node.confirm();
      }
      case "wait":
        return await this.fixture.clock.advance(step.ms);
    }
  }
}

/** Lives through the steps, then lets time pass until nothing is waited for any more. */
async function live(all: readonly Step[], check: (world: World) => void): Promise<void> {
  await using fixture = await openFixture();
  await fixture.seed(
    aCluster(),
    ...MANAGERS.map(aLiveManager),
    ...NETWORKS.map((id, number) => network(id, number, { Ingress: id === "ingress" })),
    ...NODES.map((id, index) => nodeOn(id, index + 1, {})),
  );
  const world = new World(fixture);
  for (const [index, id] of NODES.entries()) world.connect(id, MANAGERS[index % MANAGERS.length] ?? "");
  await fixture.clock.settle();
  for (const step of all) await world.take(step);
  await fixture.clock.advance(WITHDRAWAL_LIMIT_MS + 100);
  check(world);
}

const lives = fc.array(steps, { maxLength: 60, size: "max" });
const RUNS = { numRuns: 100 };

test("what a node has been told, bit by bit, is in the end what it would be told at once", async () => {
  const check = ({ nodes, view }: World) => {
    for (const [id, node] of nodes) {
      const { networks: wanted, services, tasks } = toldAtOnce(view, id);
      assert.deepEqual([node.networks, node.services], [wanted, services]);
      for (const task of tasks) assert.equal(node.task(task.id)?.desired, task.desired);
    }
  };
  await fc.assert(
    fc.asyncProperty(lives, (all) => live(all, check)),
    RUNS,
  );
});

test("no task is started before its node knows of its networks", async () => {
  const check = ({ nodes }: World) => {
    for (const node of nodes.values()) assert.deepEqual(node.unprepared, []);
  };
  await fc.assert(
    fc.asyncProperty(lives, (all) => live(all, check)),
    RUNS,
  );
});

test("no task is stopped while a node that answers calls it", async () => {
  const answering = lives.map((all) => all.filter(({ kind }) => kind !== "confirm"));
  await fc.assert(
    fc.asyncProperty(answering, (all) => live(all, ({ cutOff }) => assert.deepEqual(cutOff, []))),
    RUNS,
  );
});

/** What a node is told that connects now. */
function toldAtOnce(view: View, nodeId: string) {
  const directory = new NetworkDirectory(view);
  const changes = new NodeAssignments(nodeId, { directory, holds: () => false }).complete(view);
  const objects = changes.flatMap((change) => (change.type === "update" ? [change.object] : []));
  const inOrder = objects.sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    networks: inOrder.filter((object) => object.kind === "node-network"),
    services: inOrder.filter((object) => object.kind === "node-service"),
    tasks: inOrder.filter((object) => object.kind === "task"),
  };
}
