import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { newId } from "#model/ids.ts";
import { isDirty } from "#plan/dirty.ts";
import type { AgentService } from "#wire/protocol.ts";
import { runAllocator } from "./allocation.ts";
import { createAttachments } from "./attachments.ts";
import { createClusterControl, type RootKeeper } from "./control/cluster.ts";
import { createNetworkControl } from "./control/networks.ts";
import { createNodeControl } from "./control/nodes.ts";
import { createPayloadControl } from "./control/payloads.ts";
import { createServiceControl } from "./control/services.ts";
import type { Control } from "./control.ts";
import { Dispatcher } from "./dispatcher.ts";
import { LogBroker } from "./log-broker.ts";
import { runLoop } from "./loop.ts";
import { LOOPS } from "./loops.ts";
import { runScheduler } from "./scheduling.ts";
import type { ClusterState } from "./state.ts";
import { explain } from "./why/explain.ts";

export interface ManagerDeps {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly roots: RootKeeper;
}

/** One manager: what clients and agents may ask of it, and the loops that do its work. */
export interface Manager {
  readonly control: Control;
  readonly agents: AgentService;
  /** Runs until `signal` aborts, or a part fails. */
  run(signal: AbortSignal): Promise<void>;
}

/** Puts a manager together over the cluster's state. */
export function createManager(deps: ManagerDeps): Manager {
  const { state, clock, random, log, roots } = deps;
  const parts = { state, clock, random, log, newId: () => newId(random) };
  const dispatcher = new Dispatcher({ ...parts, trustRoot: () => roots.trustRoot() });
  const broker = new LogBroker(parts);
  return {
    control: createControl(parts, roots, broker),
    agents: {
      session: dispatcher.session.bind(dispatcher),
      describe: dispatcher.describe.bind(dispatcher),
      heartbeat: dispatcher.heartbeat.bind(dispatcher),
      assignments: dispatcher.assignments.bind(dispatcher),
      updateTaskStatus: dispatcher.updateTaskStatus.bind(dispatcher),
      networksApplied: dispatcher.networksApplied.bind(dispatcher),
      ...createAttachments(parts),
      logSubscriptions: broker.logSubscriptions.bind(broker),
      publishLogs: broker.publishLogs.bind(broker),
    },
    async run(signal) {
      await using jobs = new TaskGroup(signal);
      jobs.spawn("dispatcher", (stop) => dispatcher.run(stop));
      jobs.spawn("allocator", (stop) => runAllocator(parts, stop));
      jobs.spawn("scheduler", (stop) => runScheduler(parts, stop));
      for (const loop of LOOPS) jobs.spawn(loop.name, (stop) => runLoop(loop, parts, stop));
      await jobs.done();
    },
  };
}

function createControl(
  parts: { state: ClusterState; clock: Clock; random: Random; newId: () => string },
  roots: RootKeeper,
  broker: LogBroker,
): Control {
  const { state } = parts;
  return {
    view: state.view,
    commits: (signal) => state.commits(signal),
    ...createServiceControl(parts),
    ...createPayloadControl(parts),
    ...createNodeControl(parts),
    ...createNetworkControl(parts),
    ...createClusterControl({ ...parts, roots }),
    logs: (selector, options, signal) => broker.logs(selector, options, signal),
    isUpToDate(task) {
      const service = task.serviceId === undefined ? undefined : state.view.get("service", task.serviceId);
      if (service === undefined) return false;
      const node = task.nodeId === undefined ? undefined : state.view.get("node", task.nodeId);
      return !isDirty(service, task, node);
    },
    why: (name) => explain(state.view, name, parts.clock.now()),
  };
}
