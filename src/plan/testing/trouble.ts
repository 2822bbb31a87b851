import fc from "fast-check";
import { type Random, randomInt, seededRandom } from "#base/random.ts";
import type { Service, Task } from "#model/objects.ts";
import { isPerNode } from "#model/service-mode.ts";
import type { RestartPolicy, UpdateConfig } from "#model/spec.ts";
import { slotKey } from "#model/view.ts";
import { isLive } from "#plan/slots.ts";
import type { ArrayView } from "./array-view.ts";
import { cluster, node, policy, replicated, secondsNs, service, taskSpec } from "./builders.ts";
import { BROKEN_IMAGE, Simulation } from "./simulation.ts";

/** How many cases each property is tried on. */
export const RUNS = { numRuns: 60 };
/** The nodes of every simulated cluster. */
export const NODES = ["n1", "n2", "n3", "n4"];
export const nodes = () => NODES.map((id) => node(id));
export const seeds = fc.integer({ min: 0, max: 2 ** 31 });

const liveBySlot = (of: Service, tasks: readonly Task[]): Map<string, Task[]> =>
  Map.groupBy(tasks.filter(isLive), (task) => slotKey(task, isPerNode(of)));

/** At most one live task in a slot; two where an update starts the new one first. */
export function checkSlots(view: ArrayView): void {
  for (const of of view.list("service")) {
    const most =
      of.spec.UpdateConfig?.Order === "start-first" || of.spec.RollbackConfig?.Order === "start-first" ? 2 : 1;
    for (const [slot, live] of liveBySlot(of, view.tasksOfService(of.id))) {
      if (live.length > most) throw new Error(`slot ${slot} has live tasks ${live.map(({ id }) => id).join(", ")}`);
    }
  }
}

const configs: fc.Arbitrary<UpdateConfig> = fc.record({
  Parallelism: fc.integer({ min: 0, max: 3 }),
  Delay: fc.constantFrom(0, secondsNs(1)),
  Monitor: fc.constantFrom(secondsNs(1), secondsNs(5)),
  FailureAction: fc.constantFrom("pause", "continue", "rollback"),
  MaxFailureRatio: fc.constantFrom(0, 0.5),
  Order: fc.constantFrom("stop-first", "start-first"),
});

const policies = fc.constantFrom<RestartPolicy>(
  {},
  { Condition: "none" },
  { Condition: "on-failure", MaxAttempts: 1 },
  { MaxAttempts: 2, Window: secondsNs(10), Delay: 0 },
);

const modes = fc.constantFrom(replicated(5), { Global: {} });

/** A service and what may happen to it. */
export interface Case {
  readonly seed: number;
  readonly config: UpdateConfig;
  readonly restart?: RestartPolicy;
  readonly mode: Service["spec"]["Mode"];
}
export const cases: fc.Arbitrary<Case> = fc.record({ seed: seeds, config: configs, restart: policies, mode: modes });

/** A cluster with service `web`, which nothing has been planned for yet. */
export function create({ seed, config, restart = {}, mode }: Case) {
  const RollbackConfig = { ...config, FailureAction: "pause" } as const;
  // Half of the services need addresses, so that their tasks begin a state earlier.
  const Networks = seed % 2 === 0 ? [{ Target: "net" }] : [];
  const TaskTemplate = taskSpec("nginx:1", { ...policy(restart), Networks });
  const web = service({ Mode: mode, UpdateConfig: config, RollbackConfig, TaskTemplate });
  const random = seededRandom(seed);
  return { random, world: new Simulation([cluster(), ...nodes(), web], "web", random, checkSlots) };
}

/** Something that goes wrong, or that a user does. */
export function disturb(world: Simulation, random: Random, kinds = 9): void {
  const id = NODES[randomInt(random, 0, NODES.length)] ?? "";
  const live = world.tasks.filter(isLive);
  const victim = live[randomInt(random, 0, Math.max(1, live.length))];
  const images = ["nginx:1", "nginx:2", BROKEN_IMAGE];
  switch (randomInt(random, 0, kinds)) {
    case 0:
      return world.setNode(id, { down: true });
    case 1:
      return world.setNode(id, { down: false });
    case 2:
      return world.setNode(id, { availability: "drain" });
    case 3:
      return world.setNode(id, { availability: "active" });
    case 4:
      return world.setNode(id, { availability: "pause" });
    case 5:
      return victim?.nodeId === undefined ? undefined : world.fail(victim);
    case 6:
      if (!world.service.spec.Mode.Replicated) return undefined;
      return world.update({ Mode: replicated(randomInt(random, 0, 8)) });
    case 7:
      return world.update({
        TaskTemplate: { ...world.service.spec.TaskTemplate, ...taskSpec(images[randomInt(random, 0, images.length)]) },
      });
    default:
      world.now += randomInt(random, 1, 8_000);
  }
}

/** Lets things go wrong while only a part of the work gets done. */
export function churn(world: Simulation, random: Random, events: number): void {
  for (let event = 0; event < events; event++) {
    if (random.next() < 0.4) disturb(world, random);
    world.reconcile(random.next() < 0.2 ? randomInt(random, 0, 4) : undefined);
    if (random.next() < 0.7) world.schedule();
    world.work(0.6);
    if (random.next() < 0.3) world.reap();
    world.now += randomInt(random, 1, 1_500);
  }
}

/** Ends all trouble. An update that was left in the middle has to go on by itself, unless it is paused or cannot succeed. */
export function heal(world: Simulation): void {
  for (const id of NODES) world.setNode(id, { down: false, availability: "active" });
  world.reconcile();
  const { spec, previousSpec, updateStatus } = world.service;
  const specs = [spec.TaskTemplate, previousSpec?.TaskTemplate];
  const isBroken = specs.some((of) => of?.ContainerSpec?.Image === BROKEN_IMAGE);
  const isLimited = specs.some((of) => of?.RestartPolicy?.Condition === "none" || of?.RestartPolicy?.MaxAttempts);
  if (isBroken || isLimited || updateStatus?.state.includes("paused"))
    world.update({ TaskTemplate: taskSpec("nginx:9") });
}

export const runningTasks = (world: Simulation): Task[] =>
  world.tasks.filter((task) => isLive(task) && task.status.state === "running");
