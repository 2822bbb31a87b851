import { FlotillaError } from "#base/errors.ts";
import { TaskGroup } from "#base/task-group.ts";
import { DURABLE_KINDS, type Kind, type Revision } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import { groupCommits, groupObjects, keyOf, type Outcome } from "./commit-group.ts";
import { Progress } from "./progress.ts";
import type { AdoptingStore, Commit, Store } from "./store.ts";
import type { SwitchableStore } from "./switchable.ts";

/** Commits that may be left to copy when writing is paused: a few round trips of the new store. */
const FEW_COMMITS = 16;

/**
 * Moves a cluster's objects to another store while the cluster works, and puts that store in force:
 *
 * - Everything is copied in the background, and then what changed meanwhile. Only the last few commits are copied while
 *   writers wait.
 * - `putInForce` is called when `to` has everything: it writes down, for the next start of the daemon, which store counts.
 *   Until it has succeeded it is `from`'s own driver, whatever happens: then nothing is lost, and the move may be
 *   tried again with the same `to`.
 * - Objects keep their versions where the new store can do that, so that writers need not read them again; otherwise
 *   they get new ones, all above those they had. Leases, and what goes with them, are not moved.
 *
 * `to` must be nobody else's; what is left in it of an earlier try is deleted. If the move fails, it is the caller's to
 * close.
 *
 * @throws FlotillaError `internal` when revisions of `to` are not above those of `from`; and what the stores throw.
 */
export async function migrate(
  from: SwitchableStore,
  to: Store | AdoptingStore,
  putInForce: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  await using jobs = new TaskGroup(signal);
  const { signal: stop } = jobs;
  await empty(to, stop);
  const watch = await from.watch(stop);
  const copy = new Copy(to);
  for (const group of groupObjects(watch.snapshot)) await copy.write(group, stop);
  const backlog: Commit[] = [];
  const seen = new Progress(watch.revision);
  let newest = watch.revision;
  jobs.spawn("watch of the old store", async () => {
    try {
      for await (const commit of watch.commits) {
        backlog.push(commit);
        newest = commit.revision;
        seen.reach(newest);
      }
    } catch (err) {
      seen.end(err);
      throw err;
    }
  });
  const catchUp = async (left: number) => {
    while (backlog.length > left) {
      const { outcome, count } = groupCommits(backlog);
      backlog.splice(0, count);
      await copy.write(outcome, stop);
    }
  };
  await catchUp(FEW_COMMITS);
  await from.switchOver(async (last) => {
    await seen.wait(last, stop);
    await catchUp(0);
    if (copy.revision <= newest) {
      throw new FlotillaError("internal", `the new store is at revision ${copy.revision}, the old one at ${newest}`);
    }
    await putInForce();
    return to;
  });
}

async function empty(store: Store, signal: AbortSignal): Promise<void> {
  for (const kind of DURABLE_KINDS) {
    for (const group of groupObjects(await store.list<Kind>(kind, signal))) {
      const operations = group.map(({ kind, id, object }) => removal(kind, id, object?.version ?? 0));
      const result = await store.commit(operations, signal);
      if (!result.ok) throw interference();
    }
  }
}

/** What has been copied so far, and in which versions. */
class Copy {
  readonly #to: Store | AdoptingStore;
  readonly #versions = new Map<string, Revision>();
  /** Of the last commit; 0 before there was one. */
  revision: Revision = 0;

  constructor(to: Store | AdoptingStore) {
    this.#to = to;
  }

  async write(outcome: readonly Outcome[], signal: AbortSignal): Promise<void> {
    const operations = outcome.flatMap((each) => this.#operation(each));
    if (operations.length === 0) return;
    const keepsVersions = "adopt" in this.#to;
    const result = await ("adopt" in this.#to
      ? this.#to.adopt(operations, signal)
      : this.#to.commit(operations, signal));
    if (!result.ok) throw interference();
    this.revision = result.revision;
    for (const each of outcome) {
      if (each.object) this.#versions.set(keyOf(each), keepsVersions ? each.object.version : result.revision);
      else this.#versions.delete(keyOf(each));
    }
  }

  #operation({ kind, id, object }: Outcome): readonly Operation[] {
    const expect = this.#versions.get(keyOf({ kind, id }));
    if (object === undefined) return expect === undefined ? [] : [removal(kind, id, expect)];
    return [expect === undefined ? { type: "create", object } : { type: "update", object, expect }];
  }
}

const removal = (kind: Kind, id: string, expect: Revision): Operation => ({ type: "delete", kind, id, expect });

const interference = (): FlotillaError =>
  new FlotillaError("internal", "somebody else writes to the store that objects are moved to");
