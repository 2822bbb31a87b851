import { FlotillaError } from "#base/errors.ts";
import type { Revision } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import { refusal } from "./refusal.ts";
import type { ClusterState } from "./state.ts";

/** How often a write that names no version is tried against concurrent ones. Each failure means that another succeeded. */
const MAX_TRIES = 20;

/** Commits; a refusal is thrown in Docker's words. */
export async function commitOnce(
  state: Pick<ClusterState, "commit">,
  operations: readonly Operation[],
  signal: AbortSignal,
): Promise<void> {
  const result = await state.commit(operations, signal);
  if (!result.ok) throw refusal(result.conflict);
}

/**
 * Commits what `build` makes of the present view; when another writer was faster, makes it again from the newer view.
 * For writes whose client names no version. An empty list of operations is a success.
 */
export async function commitFresh(
  state: ClusterState,
  build: () => readonly Operation[],
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
    const seen = state.view.revision;
    const operations = build();
    if (operations.length === 0) return;
    const result = await state.commit(operations, signal);
    if (result.ok) return;
    if (result.conflict.reason !== "sequence" && result.conflict.reason !== "missing") throw refusal(result.conflict);
    await viewBeyond(state, seen, signal);
  }
  throw new FlotillaError("unavailable", "too many concurrent changes of the same object: try again");
}

/** Resolves when the view shows a later revision than `seen`: the write that was faster may still be on its way to it. */
async function viewBeyond(state: ClusterState, seen: Revision, signal: AbortSignal): Promise<void> {
  const commits = state.commits(signal)[Symbol.asyncIterator]();
  try {
    if (state.view.revision === seen) await commits.next();
  } finally {
    await commits.return?.();
  }
}
