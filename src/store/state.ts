import type { Fanout } from "#base/fanout.ts";
import type { Revision } from "#model/objects.ts";
import { ObjectTable } from "./object-table.ts";
import type { Commit } from "./store.ts";

/**
 * The committed state of a store that lives in this process. Stores opened on one state share its objects and see each
 * other's commits; it outlives them, as a disk outlives a process.
 */
export class StoreState {
  readonly #watchers = new Set<Fanout<Commit>>();
  readonly objects = new ObjectTable();
  #revision: Revision;

  constructor(revision: Revision = 0) {
    this.#revision = revision;
  }

  get revision(): Revision {
    return this.#revision;
  }

  apply(commit: Commit): void {
    this.#revision = commit.revision;
    for (const change of commit.changes) this.objects.apply(change);
    for (const watcher of this.#watchers) watcher.publish(commit);
  }

  /** Publishes every later commit to `watcher`. */
  attach(watcher: Fanout<Commit>): void {
    this.#watchers.add(watcher);
  }

  detach(watcher: Fanout<Commit>): void {
    this.#watchers.delete(watcher);
  }
}
