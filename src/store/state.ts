import type { Fanout } from "#base/fanout.ts";
import type { Kind, Revision } from "#model/objects.ts";
import { deletion } from "./change.ts";
import { type Leased, LeaseTable } from "./lease-table.ts";
import { ObjectTable } from "./object-table.ts";
import type { Commit } from "./store.ts";

/**
 * The committed state of a store that lives in this process. Stores opened on one state share its objects and see each
 * other's commits; it outlives them, as a disk outlives a process. It also ends leases whose time is over.
 */
export class StoreState {
  readonly #watchers = new Set<Fanout<Commit>>();
  readonly objects = new ObjectTable();
  readonly leases = new LeaseTable((objects) => this.#deleteLeased(objects));
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

  #deleteLeased(leased: readonly Leased[]): void {
    const changes = leased.flatMap(({ kind, id }) => {
      const object = this.objects.get<Kind>(kind, id);
      return object ? deletion(object) : [];
    });
    if (changes.length > 0) this.apply({ revision: this.#revision + 1, changes });
  }
}
