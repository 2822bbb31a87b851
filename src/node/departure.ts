import { leaveCluster } from "#agent/leave.ts";
import { openTaskDb } from "#agent/task-db.ts";
import type { TaskFileStore } from "#agent/task-files.ts";
import { withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Engine } from "#engine/engine.ts";
import type { ActiveNode } from "./active-node.ts";
import { openDataPlane } from "./data-plane.ts";
import type { NodeState } from "./state-file.ts";

/** How long each part may take: neither others nor an engine that is away must keep a node in a cluster. */
const STORE_MS = 5_000;
const TASKS_MS = 60_000;

/** Takes the node's manager out of the store that the others share, so that they do not wait for it any more. */
export async function leaveStore(
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  { node, state }: { readonly node: ActiveNode; readonly state: NodeState },
  signal: AbortSignal,
): Promise<void> {
  const membership = node.manager?.membership;
  if (membership === undefined) return;
  await withDeadline(clock, STORE_MS, "leaving the shared store", signal, async (stop) => {
    const members = await membership.list(stop);
    if (members.length > 1) await membership.remove(state.nodeId, stop);
  }).catch((err: unknown) => log.warn({ err }, "the other managers still count on this one: remove its node there"));
}

interface TaskDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly engine: Engine;
  readonly files: TaskFileStore;
  /** Where the node's tasks are kept. */
  readonly taskDb: string;
}

/** Removes the containers and networks that a node had in the cluster that it leaves. */
export async function removeTasks(deps: TaskDeps, state: NodeState, signal: AbortSignal): Promise<void> {
  const { engine, log, clock, files } = deps;
  using db = openTaskDb(deps.taskDb, log);
  const leaving = {
    engine,
    log,
    db,
    files,
    node: { id: state.nodeId, clusterId: state.clusterId },
    openDataPlane: () => openDataPlane(deps, { resolversFor: () => undefined }),
  };
  await withDeadline(clock, TASKS_MS, "removing this node's containers and networks", signal, (stop) =>
    leaveCluster(leaving, stop),
  ).catch((err: unknown) => log.error({ err }, "containers of the left swarm may be left over"));
}
