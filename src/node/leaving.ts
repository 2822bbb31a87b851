import type { View } from "#model/view.ts";
import * as errors from "./errors.ts";

/**
 * What becomes of the managers when this one leaves, for who has not said that it is meant so. Source: moby,
 * daemon/cluster/noderunner.go and swarm.go.
 * @returns the refusal, in Docker's words.
 */
export function leavingManager(view: View | undefined): Error {
  if (view === undefined) return errors.managerLeaves("Doing so may lose the consensus of your cluster. ");
  const all = [...view.list("node")].filter((node) => node.manager !== undefined).length;
  const reachable = view.count("manager");
  const unreachable = all - reachable;
  if (reachable - 2 > unreachable) return errors.managerLeaves("");
  if (reachable <= 1 && unreachable <= 0) return errors.lastManagerLeaves();
  return errors.managerLeaves(
    `Removing this node leaves ${reachable - 1} managers out of ${all}. Without a Raft quorum your swarm will be inaccessible. `,
  );
}
