import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { NodeId } from "#model/ids.ts";
import type { Node } from "#model/objects.ts";
import { isWatched, withFinding } from "./node-status.ts";
import type { ClusterState } from "./state.ts";
import { WriteQueue } from "./write-queue.ts";

interface Deps {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly log: Logger;
  /** This manager's node. */
  readonly nodeId: NodeId;
}

/**
 * A leader's care for nodes whose manager is gone: makes them this manager's own, which then waits for them (see
 * `Dispatcher`). Runs until `signal` aborts. A node that turns up elsewhere first is not touched.
 */
export async function runTakeover(deps: Deps, signal: AbortSignal): Promise<never> {
  const { state, log } = deps;
  await using jobs = new TaskGroup(signal);
  const commits = state.commits(jobs.signal);
  const writes = new WriteQueue("node", state, deps.clock);
  const takeOver = (node: Node) => {
    if (!isAbandoned(node, deps)) return;
    writes
      .put(node.id, (current) => (isAbandoned(current, deps) ? taken(current, deps) : undefined))
      .catch((err: unknown) => log.debug({ err, nodeId: node.id }, "node not taken over"));
  };
  jobs.spawn("takeover writer", (stop) => writes.run(stop));
  jobs.spawn("takeover watch", async () => {
    for await (const { changes } of commits) {
      for (const change of changes) {
        if (change.kind === "node" && change.type !== "delete") takeOver(change.object);
        if (change.kind === "manager" && change.type === "delete")
          for (const node of nodesVia(deps, change.old.id)) takeOver(node);
      }
    }
  });
  for (const node of state.view.list("node")) takeOver(node);
  return await jobs.done();
}

/** A node that has just been admitted has not been heard of yet, and is nobody's. */
function isAbandoned(node: Node, { state, nodeId }: Deps): boolean {
  const { status } = node;
  if (status.state === "down" || status.via === nodeId) return false;
  if (status.state === "unknown" && status.via === undefined) return false;
  return !isWatched(node, state.view);
}

const taken = (node: Node, { nodeId, clock }: Deps): Node =>
  withFinding(
    node,
    { state: "unknown", message: "node moved to unknown state because its manager was lost", via: nodeId },
    clock.now(),
  );

function* nodesVia({ state }: Deps, managerId: NodeId): Iterable<Node> {
  for (const node of state.view.list("node")) if (node.status.via === managerId) yield node;
}
