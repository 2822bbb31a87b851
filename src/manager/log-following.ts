import type { NodeId } from "#model/ids.ts";
import type { View } from "#model/view.ts";
import type { LogLinks } from "./log-links.ts";
import type { LogQuestion } from "./log-question.ts";
import type { ClusterState } from "./state.ts";

interface Followed {
  readonly question: LogQuestion;
  readonly links: LogLinks;
  readonly view: View;
  /** This manager's node. */
  readonly nodeId: NodeId;
}

/** Tells a follower's question of every change of a task or service, and of new managers, until the question is over. */
export async function followChanges(
  { question, links, view, nodeId }: Followed,
  commits: ReturnType<ClusterState["commits"]>,
): Promise<void> {
  const iterator = commits[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), question.over.then(() => undefined)]);
      if (next === undefined || next.done) return;
      for (const change of next.value.changes) {
        if (change.kind === "manager" && change.type === "create" && change.object.id !== nodeId) {
          void links.open(change.object);
        }
        question.changed(change, view);
      }
    }
  } catch {
    question.cancel();
  } finally {
    await iterator.return?.();
  }
}
