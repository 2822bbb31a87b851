import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Kind } from "#model/objects.ts";
import type { LeaseId, Operation } from "#model/operation.ts";

/** An object that goes with a lease. */
export interface Leased {
  readonly kind: Kind;
  readonly id: string;
}

interface Entry {
  readonly ttlMs: number;
  readonly clock: Pick<Clock, "sleep">;
  /** Aborted when the lease is renewed or ends. */
  timer: AbortController;
}

/**
 * The leases of a store that lives in this process: the store's side of them. What is leased is in memory only, and so
 * are they. They run out by sleeping, as their holders renew them: after a pause of the whole process both go on.
 */
export class LeaseTable {
  readonly #onEnd: (objects: readonly Leased[]) => void;
  readonly #entries = new Map<LeaseId, Entry>();
  /** By kind and id. An object that was deleted and made again is its last maker's. */
  readonly #holders = new Map<string, Leased & { readonly lease: LeaseId }>();
  #granted = 0;

  /** `onEnd` is told of the objects of each lease that ends. Some may have been deleted before. */
  constructor(onEnd: (objects: readonly Leased[]) => void) {
    this.#onEnd = onEnd;
  }

  grant(ttlMs: number, clock: Pick<Clock, "sleep">): LeaseId {
    const id = String(++this.#granted);
    this.#entries.set(id, { ttlMs, clock, timer: this.#startTimer(id, ttlMs, clock) });
    return id;
  }

  /** @throws FlotillaError `not_found` */
  renew(id: LeaseId): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new FlotillaError("not_found", `there is no lease ${id}`);
    entry.timer.abort(RENEWED);
    entry.timer = this.#startTimer(id, entry.ttlMs, entry.clock);
  }

  /** Ends a lease; one that has ended stays so. */
  revoke(id: LeaseId): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    entry.timer.abort(ENDED);
    const objects = [...this.#holders.values()].filter(({ lease }) => lease === id);
    for (const object of objects) this.#holders.delete(keyOf(object));
    this.#onEnd(objects);
  }

  /** @throws FlotillaError `unavailable` when a lease that an operation names has ended. */
  check(operations: readonly Operation[]): void {
    for (const operation of operations) {
      if (operation.type !== "create" || operation.lease === undefined) continue;
      if (!this.#entries.has(operation.lease)) throw new FlotillaError("unavailable", "the lease has ended");
    }
  }

  /** Notes the leases of what was created. */
  attach(operations: readonly Operation[]): void {
    for (const operation of operations) {
      if (operation.type !== "create" || operation.lease === undefined) continue;
      const { kind, id } = operation.object;
      this.#holders.set(keyOf({ kind, id }), { kind, id, lease: operation.lease });
    }
  }

  /** Forgets all leases, and tells nobody. */
  clear(): void {
    for (const { timer } of this.#entries.values()) timer.abort(ENDED);
    this.#entries.clear();
    this.#holders.clear();
  }

  #startTimer(id: LeaseId, ttlMs: number, clock: Pick<Clock, "sleep">): AbortController {
    const timer = new AbortController();
    clock.sleep(ttlMs, timer.signal).then(
      () => this.revoke(id),
      () => undefined,
    );
    return timer;
  }
}

const keyOf = ({ kind, id }: Leased): string => `${kind}/${id}`;

const RENEWED = new Error("renewed");
const ENDED = new Error("ended");
