import { FlotillaError } from "#base/errors.ts";
import { Fanout } from "#base/fanout.ts";
import { KINDS, type Kind, type ObjectOf } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import type { StoreState } from "./state.ts";
import type { Commit, CommitResult, Store, StoreOptions, Watch } from "./store.ts";

/** Commits that a watcher may be behind. At 100 small changes each it then holds back some hundred megabytes. */
const WATCH_BUFFER = 4_096;

/** How a local store makes commits durable, before or while it applies them to the state. */
export interface Committer {
  commit(operations: readonly Operation[], signal: AbortSignal): Promise<CommitResult>;
  /** Finishes what was begun and lets go of all resources. */
  close(): Promise<void>;
}

/** A store whose whole state is in this process: reads and watches are the same, whatever happens to commits. */
export class LocalStore implements Store {
  readonly #state: StoreState;
  readonly #committer: Committer;
  readonly #commits: Fanout<Commit>;
  #closed = false;

  constructor(state: StoreState, committer: Committer, options: StoreOptions) {
    this.#state = state;
    this.#committer = committer;
    this.#commits = new Fanout(options.watchBuffer ?? WATCH_BUFFER);
    state.attach(this.#commits);
  }

  async read<K extends Kind>(kind: K, id: string, signal: AbortSignal): Promise<ObjectOf[K] | undefined> {
    this.#check(signal);
    return this.#state.objects.get(kind, id);
  }

  async list<K extends Kind>(kind: K, signal: AbortSignal): Promise<readonly ObjectOf[K][]> {
    this.#check(signal);
    return [...this.#state.objects.list(kind)];
  }

  async commit(operations: readonly Operation[], signal: AbortSignal): Promise<CommitResult> {
    this.#check(signal);
    return this.#committer.commit(operations, signal);
  }

  async watch(signal: AbortSignal): Promise<Watch> {
    this.#check(signal);
    return {
      revision: this.#state.revision,
      snapshot: KINDS.flatMap((kind) => [...this.#state.objects.list(kind)]),
      commits: this.#commits.subscribe(signal),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#committer.close();
    } finally {
      this.#state.detach(this.#commits);
      this.#commits.close(closed());
    }
  }

  #check(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#closed) throw closed();
  }
}

const closed = (): FlotillaError => new FlotillaError("unavailable", "the store is closed");
