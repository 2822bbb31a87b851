import type { Clock } from "#base/clock.ts";
import { errorMessage } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { NodeId } from "#model/ids.ts";
import type { Node } from "#model/objects.ts";
import { hasMajority, quorumWithout } from "#plan/managers.ts";
import { commitFresh } from "./commit.ts";
import type { ClusterState } from "./state.ts";
import type { StoreMembership } from "./store-membership.ts";

/** How soon a demotion that is not possible now is looked at again. Source: fact sheet 3.9. */
const RETRY_MS = 5_000;

interface Deps {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly log: Logger;
  /** This manager's node: it leads, and is demoted by the next leader. */
  readonly nodeId: NodeId;
  readonly membership: Pick<StoreMembership, "remove">;
}

/**
 * Demotes managers that are to be workers: takes their member out of the store first, then their role, so that the node
 * goes on as a manager until the others can do without it. Runs until `signal` aborts.
 */
export async function runRoleKeeper(deps: Deps, signal: AbortSignal): Promise<never> {
  const { state, clock } = deps;
  await using jobs = new TaskGroup(signal);
  const wakeup = new Wakeup();
  const commits = state.commits(jobs.signal);
  jobs.spawn("role watch", async () => {
    for await (const { changes } of commits) {
      if (changes.some(({ kind }) => kind === "node" || kind === "manager")) wakeup.wake();
    }
  });
  for (;;) {
    let isDone = true;
    // One after the other: each may cost the cluster its majority.
    for (const node of demoted(deps)) isDone = (await demote(deps, node, jobs.signal)) && isDone;
    await wakeup.wait(clock, isDone ? undefined : clock.now() + RETRY_MS, jobs.signal);
  }
}

const demoted = ({ state, nodeId }: Deps): readonly Node[] =>
  [...state.view.list("node")].filter(
    ({ id, role, spec }) => role === "manager" && spec.Role === "worker" && id !== nodeId,
  );

/** @returns whether nothing is left to be done. */
async function demote(deps: Deps, { id }: Node, signal: AbortSignal): Promise<boolean> {
  const { state, membership, log } = deps;
  if (!hasMajority(quorumWithout(state.view, id))) {
    log.warn({ nodeId: id }, "cannot demote a manager: the others would have no majority");
    return false;
  }
  try {
    await membership.remove(id, signal);
    await commitFresh(state, () => asWorker(deps, id), signal);
    log.info({ nodeId: id }, "manager demoted");
    return true;
  } catch (err) {
    signal.throwIfAborted();
    log.warn({ nodeId: id, err: errorMessage(err) }, "manager not demoted yet");
    return false;
  }
}

function asWorker({ state, clock }: Deps, id: NodeId) {
  const node = state.view.get("node", id);
  if (node?.role !== "manager") return [];
  const { manager: _, ...rest } = node;
  const object: Node = { ...rest, role: "worker", updatedAt: clock.now() };
  return [{ type: "update" as const, object, expect: node.version }];
}
