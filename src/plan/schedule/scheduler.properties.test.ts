import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Node, Service, Task } from "#model/objects.ts";
import type { Plan } from "#model/operation.ts";
import { status } from "#plan/testing/builders.ts";
import { anyEvent, anyNode, anyServices, type Event, runningOf, waitingOf } from "./arbitraries.ts";
import { isPlaced } from "./phase.ts";
import { Scheduler } from "./scheduler.ts";
import { TestCluster } from "./testing.ts";

/** A straightforward scheduler's view of things: every question is a scan. */
class Naive {
  readonly tasks: Task[];
  readonly nodes: readonly Node[];

  constructor(nodes: readonly Node[], tasks: readonly Task[]) {
    this.nodes = nodes;
    this.tasks = tasks.filter(isPlaced);
  }

  admits(node: Node, task: Task): boolean {
    const here = this.tasks.filter(({ nodeId }) => nodeId === node.id);
    const placement = task.spec.Placement ?? {};
    const cpus = [...here, task].reduce((sum, { spec }) => sum + cpusOf(spec), takenCpus(node));
    const units = [...here, task].reduce((sum, { spec }) => sum + unitsOf(spec), 0);
    const wantsCpus = cpusOf(task.spec);
    const resources = node.description?.Resources;
    return (
      node.spec.Availability === "active" &&
      ((wantsCpus === 0 && unitsOf(task.spec) === 0) || cpus <= (resources?.NanoCPUs ?? 0)) &&
      (unitsOf(task.spec) === 0 || units <= (resources?.GenericResources?.length ?? 0)) &&
      (placement.Constraints ?? []).every((text) => text === `node.labels.zone==${node.spec.Labels["zone"]}`) &&
      !portsOf(task).some((port) => here.some((other) => portsOf(other).includes(port))) &&
      (!placement.MaxReplicas || this.count(task, (id) => id === node.id) < placement.MaxReplicas)
    );
  }

  /** Tasks of the task's service on certain nodes. */
  count({ serviceId }: Task, on: (nodeId: string) => boolean): number {
    return this.tasks.filter((task) => task.serviceId === serviceId && on(task.nodeId ?? "")).length;
  }

  /** Whether no node is a better choice: neither in a branch with fewer tasks of the service, nor in the same branch. */
  isBest(chosen: Node, task: Task): boolean {
    const isSpread = task.spec.Placement?.Preferences !== undefined;
    const zoneOf = (node: Node | undefined) => (isSpread ? node?.spec.Labels["zone"] : "");
    const inZone = (node: Node) =>
      this.count(task, (id) => zoneOf(this.nodes.find((other) => other.id === id)) === zoneOf(node));
    return this.nodes
      .filter((node) => this.admits(node, task))
      .every((node) =>
        zoneOf(node) === zoneOf(chosen)
          ? compareRanks(this.#rank(chosen, task), this.#rank(node, task)) <= 0
          : inZone(chosen) <= inZone(node),
      );
  }

  #rank(node: Node, task: Task): readonly [ofService: number, all: number] {
    const isHere = (id: string) => id === node.id;
    return [this.count(task, isHere), this.tasks.filter(({ nodeId }) => isHere(nodeId ?? "")).length];
  }
}

const cpusOf = ({ Resources }: Task["spec"]): number => Resources?.Reservations?.NanoCPUs ?? 0;
/** What containers that are no tasks reserve. */
const takenCpus = ({ description }: Node): number => description?.ReservedByContainers?.NanoCPUs ?? 0;
const unitsOf = ({ Resources }: Task["spec"]): number => Resources?.Reservations?.GenericResources?.length ?? 0;
const portsOf = ({ endpoint }: Task) => (endpoint?.ports ?? []).map(({ PublishedPort }) => PublishedPort);
const written = ({ operations }: Plan): readonly Task[] =>
  operations.flatMap((operation) => (operation.type === "update" ? [operation.object as Task] : []));

const anyNodes = fc.uniqueArray(anyNode, { selector: ({ id }) => id, maxLength: 4, size: "max" });
const anyHistory = fc.array(anyEvent, { maxLength: 60, size: "max" });

const anyCluster = fc
  .record({
    services: anyServices,
    nodes: anyNodes,
    running: fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { maxLength: 6, size: "max" }),
    waiting: fc.array(fc.nat(3), { maxLength: 12, size: "max" }),
  })
  .map(({ services, nodes, running, waiting }) => {
    const naive = new Naive(nodes, []);
    for (const [index, [service, where]] of running.entries()) {
      const host = nodes[where];
      const task = host && runningOf(pick(services, service), `r${index}`, host.id);
      if (host && task && unitsOf(task.spec) === 0 && naive.admits(host, task)) naive.tasks.push(task);
    }
    const pending = waiting.map((service, index) => waitingOf(pick(services, service), `t${index}`));
    return new TestCluster([...services, ...nodes, ...naive.tasks, ...pending]);
  });

const pick = (services: readonly Service[], index: number): Service => services[index] as Service;

test("every task gets the best node that may have it, or waits because there is none", () => {
  fc.assert(
    fc.property(anyCluster, (cluster) => {
      const naive = new Naive(cluster.view.list("node"), cluster.view.list("task"));
      const decided = written(cluster.plan());
      for (const task of decided.filter(isPlaced)) {
        const chosen = naive.nodes.find(({ id }) => id === task.nodeId);
        assert.ok(chosen && naive.admits(chosen, task), `${task.id} went to ${task.nodeId}, which may not have it`);
        assert.ok(naive.isBest(chosen, task), `${task.id} went to ${task.nodeId}, which is not the best`);
        naive.tasks.push(task);
      }
      const left = decided.filter((task) => !isPlaced(task));
      for (const task of left) assert.ok(!naive.nodes.some((node) => naive.admits(node, task)), `${task.id} waits`);
      assert.equal(decided.length, cluster.view.list("task").filter((task) => !isPlaced(task)).length);
    }),
    { numRuns: 300 },
  );
});

test("tasks and containers together never get more than a node has to reserve", () => {
  fc.assert(
    fc.property(anyCluster, (cluster) => {
      const given = written(cluster.plan()).filter(isPlaced);
      for (const node of cluster.view.list("node")) {
        const here = [...cluster.view.list("task").filter(isPlaced), ...given].filter(
          ({ nodeId }) => nodeId === node.id,
        );
        const sum = here.reduce((cpus, { spec }) => cpus + cpusOf(spec), takenCpus(node));
        const isNew = given.some(({ nodeId, spec }) => nodeId === node.id && cpusOf(spec) > 0);
        if (isNew) assert.ok(sum <= (node.description?.Resources.NanoCPUs ?? 0), `${node.id} has ${sum} reserved`);
      }
    }),
    { numRuns: 300 },
  );
});

test("a unit of a generic resource is never given out twice", () => {
  fc.assert(
    fc.property(anyCluster, (cluster) => {
      const given = written(cluster.plan()).filter(isPlaced);
      const units = given.flatMap(({ nodeId, genericResources = [] }) =>
        genericResources.map(({ NamedResourceSpec: unit }) => `${nodeId} ${unit?.Value}`),
      );
      assert.equal(new Set(units).size, units.length);
      for (const { spec, genericResources = [] } of given) assert.equal(genericResources.length, unitsOf(spec));
    }),
  );
});

test("a second pass has nothing to add", () => {
  fc.assert(
    fc.property(anyCluster, (cluster) => {
      cluster.schedule();
      assert.deepEqual(cluster.schedule(), []);
      const fresh = new Scheduler(cluster.view).schedule({ now: 0, newId: () => "" });
      assert.deepEqual(written(fresh).filter(isPlaced), []);
    }),
  );
});

test("after any history, the totals are those of a scheduler that starts anew, and no task waits in vain", () => {
  fc.assert(
    fc.property(anyServices, anyNodes, anyHistory, (services, nodes, events) => {
      const cluster = new TestCluster([...services, ...nodes]);
      for (const [index, event] of events.entries()) happen(cluster, services, event, `${index}`);
      cluster.schedule();
      const fresh = new Scheduler(cluster.view);
      assert.deepEqual(summary(cluster.scheduler, services), summary(fresh, services));
      const missed = written(fresh.schedule({ now: cluster.now, newId: () => "" })).filter(isPlaced);
      assert.deepEqual(
        missed.map(({ id }) => id),
        [],
      );
    }),
    { numRuns: 300 },
  );
});

function happen(cluster: TestCluster, services: readonly Service[], event: Event, name: string): void {
  switch (event.type) {
    case "node":
      return cluster.put(event.node);
    case "wait":
      for (let i = 0; i < event.count; i++) cluster.put(waitingOf(pick(services, event.service), `${name}.${i}`));
      return;
    case "preassign":
      return cluster.put({ ...waitingOf(pick(services, event.service), name), nodeId: event.nodeId });
    case "schedule":
      return void cluster.schedule();
    case "refuse":
      return cluster.scheduler.forget(written(cluster.plan()).map(({ id }) => id));
    case "drop node": {
      const node = nth(cluster.view.list("node"), event.which);
      return node && cluster.drop("node", node.id);
    }
    case "drop task":
    case "unwant":
    case "run":
    case "end":
    case "fail": {
      const task = nth(cluster.view.list("task"), event.which);
      if (task === undefined) return;
      if (event.type === "drop task") return cluster.drop("task", task.id);
      if (event.type === "unwant") return cluster.set(task.id, { desired: "shutdown" });
      if (isPlaced(task)) cluster.set(task.id, { status: status(STATES[event.type]) });
    }
  }
}

const STATES = { run: "running", end: "complete", fail: "shutdown" } as const;

const nth = <T>(items: readonly T[], which: number): T | undefined => items[which % Math.max(items.length, 1)];

/** All that decides about placement. */
function summary({ totals }: Scheduler, services: readonly Service[]) {
  const nodes = [...totals.nodes()].map((node) => ({
    id: node.node.id,
    tasks: node.tasks,
    active: node.active,
    activeOf: services.map(({ id }) => node.activeOf(id)),
    special: services.map(({ id }) => totals.nodesOf(id).has(node)),
    ports: ["80/tcp", "81/tcp"].map((port) => node.usesHostPort(port)),
    nanoCpus: node.resources.nanoCpus,
    memoryBytes: node.resources.memoryBytes,
    generic: node.resources.generic,
  }));
  return nodes.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function compareRanks(a: readonly [number, number], b: readonly [number, number]): number {
  return a[0] - b[0] || a[1] - b[1];
}
