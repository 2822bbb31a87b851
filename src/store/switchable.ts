import { aborted, LinkedAbort } from "#base/abort.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Kind, ObjectOf, Revision } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import type { CommitResult, Lease, Store, Watch } from "./store.ts";

/**
 * A store whose driver can be replaced while it is used: users notice that their watches end with `unavailable` and
 * begin again, that their leases are lost, and that commits take a little longer meanwhile.
 */
export class SwitchableStore implements Store {
  #driver: Store;
  readonly #underWay = new Set<Promise<unknown>>();
  /** Resolves when commits may go on; undefined while they do. */
  #pause: Promise<void> | undefined;
  #revision: Revision = 0;

  constructor(driver: Store) {
    this.#driver = driver;
  }

  read<K extends Kind>(kind: K, id: string, signal: AbortSignal): Promise<ObjectOf[K] | undefined> {
    return this.#driver.read(kind, id, signal);
  }

  list<K extends Kind>(kind: K, signal: AbortSignal): Promise<readonly ObjectOf[K][]> {
    return this.#driver.list(kind, signal);
  }

  watch(signal: AbortSignal): Promise<Watch> {
    return this.#driver.watch(signal);
  }

  async commit(operations: readonly Operation[], signal: AbortSignal): Promise<CommitResult> {
    while (this.#pause !== undefined) await orAborted(this.#pause, signal);
    const commit = this.#driver.commit(operations, signal);
    this.#underWay.add(commit);
    try {
      const result = await commit;
      if (result.ok) this.#revision = Math.max(this.#revision, result.revision);
      return result;
    } finally {
      this.#underWay.delete(commit);
    }
  }

  async lease(ttlMs: number, signal: AbortSignal): Promise<Lease> {
    while (this.#pause !== undefined) await orAborted(this.#pause, signal);
    return this.#driver.lease(ttlMs, signal);
  }

  /**
   * Replaces the driver by the one that `handover` returns, and closes the old one. While `handover` runs, no commit is
   * under way: those that are asked for wait for its end. When it throws, all stays as it was.
   *
   * @param handover is given a revision that no commit made through this store is above.
   */
  async switchOver(handover: (last: Revision) => Promise<Store>): Promise<void> {
    if (this.#pause !== undefined) throw new FlotillaError("precondition", "the store is being replaced already");
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#pause = promise;
    const old = this.#driver;
    try {
      await Promise.allSettled(this.#underWay);
      this.#driver = await handover(this.#revision);
    } finally {
      this.#pause = undefined;
      resolve();
    }
    await old[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#driver[Symbol.asyncDispose]();
  }
}

async function orAborted(pause: Promise<void>, signal: AbortSignal): Promise<void> {
  using waiting = new LinkedAbort(signal);
  await Promise.race([pause, aborted(waiting.signal)]);
  signal.throwIfAborted();
}
