/**
 * How long the scheduler needs for large numbers of waiting tasks, against SwarmKit's own benchmark of the same shapes
 * (manager/scheduler: BenchmarkScheduler1kNodes10kTasks, …1kNodes100kTasks, …Constraints5kNodes100kTasks), measured on
 * the reference machine. As there, the time includes the commits to a store in memory and the events that come back.
 *
 *   node bench/scheduler.ts
 */
import assert from "node:assert/strict";
import type { Network, Node, StoreObject, Task } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import { Scheduler } from "#plan/schedule/scheduler.ts";
import { Cache } from "#store/cache.ts";
import { openMemoryStore } from "#store/memory.ts";
import { type Commit, MAX_OPERATIONS, type Store, type Watch } from "#store/store.ts";
import { type Figure, judge, renderTable } from "./figure.ts";
import { best } from "./statistics.ts";

/** Each shape is measured this often, and the best is told. */
const RUNS = 5;

interface Shape {
  readonly name: string;
  readonly nodes: number;
  readonly tasks: number;
  /** Tasks per service; without, no task belongs to a service. */
  readonly replicas?: number;
  /** Tasks need a network driver that every third node has. */
  readonly constrained?: boolean;
  /** Seconds that SwarmKit needs. */
  readonly swarmkit?: number;
}

const SHAPES: readonly Shape[] = [
  { name: "10,000 unrelated tasks on 1,000 nodes", nodes: 1_000, tasks: 10_000, swarmkit: 1.9 },
  { name: "100,000 unrelated tasks on 1,000 nodes", nodes: 1_000, tasks: 100_000, swarmkit: 24 },
  { name: "100,000 constrained tasks on 5,000 nodes", nodes: 5_000, tasks: 100_000, constrained: true, swarmkit: 161 },
  { name: "100,000 services of 1 task on 1,000 nodes", nodes: 1_000, tasks: 100_000, replicas: 1 },
  { name: "1,000 services of 100 tasks on 5,000 nodes", nodes: 5_000, tasks: 100_000, replicas: 100 },
];

const META = { version: 0, createdAt: 0, updatedAt: 0 };

const NETWORK: Network = { ...META, kind: "network", id: "net", spec: { Name: "net", Labels: {}, Driver: "network" } };

const createNode = (index: number): Node => ({
  ...META,
  kind: "node",
  id: `node${index}`,
  spec: { Labels: {}, Role: "worker", Availability: "active" },
  specVersion: 0,
  role: "worker",
  description: {
    Hostname: `host${index}`,
    Platform: { Architecture: "x86_64", OS: "linux" },
    Resources: { NanoCPUs: 0, MemoryBytes: 0 },
    Engine: { EngineVersion: "28.0.0", Plugins: index % 3 === 0 ? [{ Type: "Network", Name: "network" }] : [] },
  },
  status: { state: "ready", addr: "192.0.2.1", since: 0 },
  certificate: { role: "worker", state: "issued" },
});

const createTask = (index: number, { replicas, constrained }: Shape): Task => ({
  ...META,
  kind: "task",
  id: `task${index}`,
  spec: { ForceUpdate: 0, ...(constrained && { Networks: [{ Target: NETWORK.id }] }) },
  specVersion: 1,
  ...(replicas !== undefined && { serviceId: `service${Math.floor(index / replicas)}` }),
  slot: replicas === undefined ? 1 : (index % replicas) + 1,
  desired: "running",
  status: { state: "pending", timestamp: 0, message: "pending task scheduling" },
  serviceName: "bench",
  serviceLabels: {},
  cause: { kind: "created" },
});

async function commitAll(store: Store, operations: readonly Operation[], signal: AbortSignal): Promise<void> {
  for (let at = 0; at < operations.length; at += MAX_OPERATIONS) {
    const result = await store.commit(operations.slice(at, at + MAX_OPERATIONS), signal);
    assert.ok(result.ok, "a commit was refused");
  }
}

/** Waits for the events of as many changes as were written. */
async function receive(commits: Watch["commits"], changes: number): Promise<readonly Commit[]> {
  const received: Commit[] = [];
  let missing = changes;
  for await (const commit of commits) {
    received.push(commit);
    missing -= commit.changes.length;
    if (missing <= 0) break;
  }
  return received;
}

function observe(scheduler: Scheduler, commits: readonly Commit[]): void {
  for (const { changes } of commits) for (const change of changes) scheduler.observe(change);
}

const create = (objects: readonly StoreObject[]): readonly Operation[] =>
  objects.map((object) => ({ type: "create", object }));

async function measure(
  shape: Shape,
  signal: AbortSignal,
): Promise<{ readonly planned: number; readonly total: number }> {
  await using store = openMemoryStore();
  const view = new Cache();
  const scheduler = new Scheduler(view);
  const nodes = Array.from({ length: shape.nodes }, (_, index) => createNode(index));
  const tasks = Array.from({ length: shape.tasks }, (_, index) => createTask(index, shape));
  const watch = await store.watch(signal);
  await commitAll(store, create([NETWORK, ...nodes, ...tasks]), signal);
  const created = await receive(watch.commits, 1 + nodes.length + tasks.length);
  for (const commit of created) view.apply(commit);
  const events = await store.watch(signal);

  const began = performance.now();
  observe(scheduler, created);
  const { operations } = scheduler.schedule({ now: 1, newId: () => "" });
  const planned = performance.now() - began;
  await commitAll(store, operations, signal);
  observe(scheduler, await receive(events.commits, operations.length));
  const total = performance.now() - began;

  const counts = Map.groupBy(await store.list("task", signal), (task) => task.nodeId);
  const sizes = [...counts.values()].map((of) => of.length);
  assert.ok(!counts.has(undefined) && Math.max(...sizes) - Math.min(...sizes) <= 1, "tasks are not spread evenly");
  return { planned: planned / 1_000, total: total / 1_000 };
}

/** One figure for each shape, the store and the events included; a line for each as soon as it is known. */
export async function measureScheduler(say: (line: string) => void, signal: AbortSignal): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const shape of SHAPES) {
    const runs = [];
    for (let run = 0; run < RUNS; run++) runs.push(await measure(shape, signal));
    const planned = best(runs.map((run) => run.planned));
    const total = best(runs.map((run) => run.total));
    say(`${shape.name}: ${planned.toFixed(3)} s to decide, ${total.toFixed(3)} s with store and events`);
    figures.push({ name: `schedule ${shape.name}`, unit: "s", ours: total, ...comparison(shape) });
  }
  return figures;
}

const comparison = ({ swarmkit }: Shape): Pick<Figure, "baseline" | "target"> =>
  swarmkit === undefined ? {} : { baseline: { name: "SwarmKit", value: swarmkit }, target: { ratio: 1 / 20 } };

if (import.meta.main) {
  const figures = await measureScheduler((line) => console.error(line), new AbortController().signal);
  console.log(renderTable(figures.map(judge)));
}
