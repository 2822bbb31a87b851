import type { Operation } from "#model/operation.ts";
import { judge } from "./judge.ts";
import { type Committer, LocalStore } from "./local-store.ts";
import { StoreState } from "./state.ts";
import type { CommitResult, Store, StoreOptions } from "./store.ts";

/**
 * A store in memory. It does no I/O: what happens depends only on the order of the calls, and leases on the clock. Several stores,
 * at once or one after the other, may be opened on one `state`: they behave as clients of one database.
 */
export const openMemoryStore = (state: StoreState = new StoreState(), options: StoreOptions = {}): Store =>
  new LocalStore(state, new MemoryCommitter(state), options);

class MemoryCommitter implements Committer {
  readonly #state: StoreState;

  constructor(state: StoreState) {
    this.#state = state;
  }

  async commit(operations: readonly Operation[]): Promise<CommitResult> {
    const revision = this.#state.revision + 1;
    const verdict = judge(operations, this.#state.objects, revision);
    this.#state.leases.check(operations);
    if (!verdict.ok) return verdict;
    if (verdict.changes.length === 0) return { ok: true, revision: this.#state.revision };
    this.#state.leases.attach(operations);
    this.#state.apply({ revision, changes: verdict.changes });
    return { ok: true, revision };
  }

  async close(): Promise<void> {
    // Nothing to let go of: the state is the caller's. Leases run out, as those of a process that ends do.
  }
}
