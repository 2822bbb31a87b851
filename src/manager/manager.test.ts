import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { TaskGroup } from "#base/task-group.ts";
import { LEADERSHIP_ID, type Task } from "#model/objects.ts";
import type { NodeDescription, ServiceSpec } from "#model/spec.ts";
import { openMemoryStore } from "#store/memory.ts";
import { migrate } from "#store/migrate.ts";
import { StoreState } from "#store/state.ts";
import { SwitchableStore } from "#store/switchable.ts";
import type { AssignmentMessage, Caller, SessionMessage } from "#wire/protocol.ts";
import { lead } from "./leadership.ts";
import { createManager, type Manager } from "./manager.ts";
import type { StoreMembership } from "./store-membership.ts";
import { aCluster, aNode, aService, type Fixture, openFixture } from "./testing/fixture.ts";
import { renderExplanation } from "./why/render.ts";

const SPEC: ServiceSpec = { ...aService({ id: "web" }).spec, Mode: { Replicated: { Replicas: 4 } } };

const describeHost = (Hostname: string): NodeDescription => ({
  Hostname,
  Platform: { Architecture: "x86_64", OS: "linux" },
  Resources: { NanoCPUs: 4e9, MemoryBytes: 2 ** 32 },
  Engine: { EngineVersion: "28.0.0", Plugins: [] },
});

/** A node that runs whatever it is told to run, and beats as it is asked to. */
class TestAgent {
  readonly #manager: Manager;
  readonly #fixture: Fixture;
  readonly #caller: Caller;
  readonly #connection = new AbortController();
  readonly running = new Set<string>();

  constructor(manager: Manager, fixture: Fixture, nodeId: string) {
    this.#manager = manager;
    this.#fixture = fixture;
    this.#caller = { nodeId, role: "worker", addr: "10.0.0.1" };
    fixture.spawn((signal) => this.#run(AbortSignal.any([signal, this.#connection.signal])).catch(() => undefined));
  }

  /** The host loses its power. */
  crash(): void {
    this.#connection.abort(new Error("no power"));
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { agents } = this.#manager;
    const session = agents.session(this.#caller, describeHost(this.#caller.nodeId), signal)[Symbol.asyncIterator]();
    const { value } = (await session.next()) as IteratorYieldResult<SessionMessage>;
    await using jobs = new TaskGroup(signal);
    jobs.spawn("heartbeat", (stop) => this.#beat(value.sessionId, stop));
    for await (const message of agents.assignments(this.#caller, value.sessionId, jobs.signal)) {
      await this.#apply(message, value.sessionId, jobs.signal);
    }
  }

  async #beat(sessionId: string, signal: AbortSignal): Promise<void> {
    for (;;)
      await this.#fixture.clock.sleep(await this.#manager.agents.heartbeat(this.#caller, sessionId, signal), signal);
  }

  async #apply(message: AssignmentMessage, sessionId: string, signal: AbortSignal): Promise<void> {
    for (const change of message.changes) {
      if (change.type === "remove") this.running.delete(change.id);
      else if (change.object.kind === "task") await this.#follow(change.object, sessionId, signal);
    }
  }

  async #follow({ id, desired }: Task, sessionId: string, signal: AbortSignal): Promise<void> {
    const state = desired === "running" ? "running" : desired === "ready" ? "ready" : "shutdown";
    if (state === "running") this.running.add(id);
    else this.running.delete(id);
    const status = { state, timestamp: this.#fixture.clock.now(), message: state } as const;
    await this.#manager.agents.updateTaskStatus(this.#caller, sessionId, [{ taskId: id, status }], signal);
  }
}

const none = async (): Promise<never> => {
  throw new FlotillaError("unavailable", "there is one manager");
};
const UNREACHED = { connectPeer: none, reachPeer: none, openTarget: none, bringImage: async function* () {} };
const NO_MEMBERS: StoreMembership = { add: none, promote: none, remove: none, list: async () => [] };

const open = async (...nodeIds: readonly string[]) => openOn(await openFixture(), nodeIds);

async function openOn(fixture: Fixture, nodeIds: readonly string[]) {
  await fixture.seed(aCluster(), ...nodeIds.map((id) => aNode({ id })));
  const roots = { trustRoot: () => "root", respecify: () => Promise.resolve(aCluster().rootCA) };
  const self = { nodeId: "m1", addr: "10.0.0.9:2377" };
  const manager = createManager({ ...fixture, roots, self, membership: NO_MEMBERS, ...UNREACHED });
  fixture.spawn((signal) => manager.run(signal));
  const standing = { ...fixture, ...self, storeLeads: () => false };
  fixture.spawn((signal) => lead(fixture.state, standing, (fenced, lost) => manager.runLeader(fenced, lost), signal));
  await fixture.clock.settle();
  const agents = new Map(nodeIds.map((id) => [id, new TestAgent(manager, fixture, id)]));
  await fixture.clock.advance(200);
  const create = (spec: ServiceSpec) => manager.control.createService(spec, {}, fixture.signal);
  const counts = () => nodeIds.map((id) => agents.get(id)?.running.size);
  const why = (name: string) => renderExplanation(manager.control.why(name)).trimEnd().split("\n");
  return { fixture, manager, agents, create, counts, why };
}

test("a service that is created runs on the nodes, and is gone when it is removed", async () => {
  const { fixture, manager, create, counts, why } = await open("n1", "n2");
  await using _ = fixture;
  const { id } = await create(SPEC);
  await fixture.clock.advance(500);
  assert.deepEqual(counts(), [2, 2]);
  assert.deepEqual(why("web"), ["service web: 4 of 4 tasks running"]);
  const tasks = [...manager.control.view.tasksOfService(id)];
  assert.ok(tasks.every((task) => manager.control.isUpToDate(task)));
  await manager.control.removeService(id, fixture.signal);
  await fixture.clock.advance(1_000);
  assert.deepEqual(counts(), [0, 0]);
  assert.equal(manager.control.view.count("task"), 0);
});

test("a service that is scaled and updated follows", async () => {
  const { fixture, manager, create, counts } = await open("n1", "n2");
  await using _ = fixture;
  const { id } = await create(SPEC);
  await fixture.clock.advance(500);
  const update = async (spec: ServiceSpec) => {
    const version = manager.control.view.get("service", id)?.version ?? 0;
    await manager.control.updateService(
      id,
      version,
      spec,
      { registryAuthFrom: "spec", rollback: false },
      fixture.signal,
    );
  };
  const six: ServiceSpec = { ...SPEC, Mode: { Replicated: { Replicas: 6 } } };
  await update(six);
  await fixture.clock.advance(500);
  assert.deepEqual(counts(), [3, 3]);
  await update({ ...six, TaskTemplate: { ContainerSpec: { Image: "demo:2" }, ForceUpdate: 0 } });
  await fixture.clock.advance(30_000);
  assert.equal(manager.control.view.get("service", id)?.updateStatus?.state, "completed");
  const live = [...manager.control.view.tasksOfService(id)].filter(({ desired }) => desired === "running");
  assert.deepEqual(
    live.map((task) => task.spec.ContainerSpec?.Image),
    Array.from({ length: 6 }, () => "demo:2"),
  );
  assert.ok(live.every((task) => manager.control.isUpToDate(task)));
});

test("registry credentials go with their service", async () => {
  const { fixture, manager } = await open("n1");
  await using _ = fixture;
  const kept = () => [...fixture.state.view.list("service"), ...fixture.state.view.list("task")];
  const { id } = await manager.control.createService(SPEC, { registryAuth: "cGE1NXdvcmQ" }, fixture.signal);
  await fixture.clock.advance(500);
  assert.equal(kept().filter((object) => JSON.stringify(object).includes("cGE1NXdvcmQ")).length, 5);
  await manager.control.removeService(id, fixture.signal);
  await fixture.clock.advance(30_000);
  assert.deepEqual(kept(), []);
});

test("the tasks of a node that is lost run elsewhere, and say why", async () => {
  const { fixture, agents, create, counts, why } = await open("n1", "n2");
  await using _ = fixture;
  await create(SPEC);
  await fixture.clock.advance(500);
  agents.get("n2")?.crash();
  await fixture.clock.advance(7_000);
  assert.equal(counts()[0], 4);
  assert.deepEqual(why("web").slice(0, 2), [
    "service web: 4 of 4 tasks running",
    "  - 2 tasks (web.2 and web.4): moved here lately: node n2 is down",
  ]);
  assert.match(why("n2")[0] ?? "", /^node n2 \(n2\): down since .*: heartbeat failure$/);
});

test("a service that no node can take says what each of them lacks", async () => {
  const { fixture, create, why } = await open("n1", "n2");
  await using _ = fixture;
  const Placement = { Constraints: ["node.labels.zone==a"] };
  await create({ ...SPEC, TaskTemplate: { ...SPEC.TaskTemplate, Placement } });
  await fixture.clock.advance(500);
  assert.deepEqual(why("web").slice(0, 3), [
    "service web: 0 of 4 tasks running",
    "  - 4 tasks (web.1, web.2, web.3 and web.4): waiting for a node: none of 2 can take it",
    "    - n1 and n2: not node.labels.zone==a (no such label)",
  ]);
  assert.throws(() => why("db"), {
    code: "not_found",
    message: "service, task, node, network or movable container db not found",
  });
});

test("while the cluster moves to another store nothing is restarted, refused or lost", async () => {
  const opened = Promise.withResolvers<SwitchableStore>();
  const fixture = await openFixture((clock) => {
    const store = new SwitchableStore(openMemoryStore(new StoreState(), { clock }));
    opened.resolve(store);
    return store;
  });
  const { clock, signal } = fixture;
  const { manager, create, counts } = await openOn(fixture, ["n1", "n2"]);
  await using _ = fixture;
  await create(SPEC);
  await clock.advance(5_000);
  const before = [...manager.control.view.list("task")].map(({ id }) => id);
  const to = openMemoryStore(new StoreState(1_000_000), { clock });
  const created: Promise<unknown>[] = [];
  const moved = opened.promise.then((store) => migrate(store, to, async () => undefined, signal));
  for (let number = 1; number <= 20; number++) {
    created.push(create({ ...SPEC, Name: `s${number}`, Mode: { Replicated: { Replicas: 1 } } }));
    await clock.advance(number < 10 ? 0 : 20);
  }
  await clock.advance(2_000);
  await Promise.all([moved, ...created]);
  assert.deepEqual(counts(), [12, 12]);
  const { view } = manager.control;
  assert.deepEqual(
    [...view.tasksOfService(view.byName("service", "web")?.id ?? "")].map(({ id }) => id),
    before,
  );
  assert.equal(view.get("leadership", LEADERSHIP_ID)?.nodeId, "m1");
  assert.ok(view.get("manager", "m1") && view.get("node", "n1")?.status.state === "ready");
  assert.equal((await to.list("task", signal)).length, 24);
});
