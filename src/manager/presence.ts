import { aborted, LinkedAbort, withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { NodeId } from "#model/ids.ts";
import type { LiveManager, Revision, Timestamp } from "#model/objects.ts";
import type { LeaseId } from "#model/operation.ts";
import type { Lease, Store } from "#store/store.ts";
import { keepTrying } from "./keep-trying.ts";
import type { ClusterState } from "./state.ts";
import type { StoreContact } from "./store-contact.ts";
import { WriteQueue } from "./write-queue.ts";

/** How long a manager that is gone still counts as alive. */
const LEASE_MS = 3_000;

/** A store that takes longer to answer cannot be worked with. Its own members elect within a second. */
const ANSWER_MS = 1_500;

export interface PresenceDeps {
  readonly state: ClusterState;
  readonly nodeId: NodeId;
  /** `host:port`, where other daemons reach this manager. */
  readonly addr: string;
  readonly leases: Pick<Store, "lease">;
  /** Is told when the lease shows that the store is out of reach, and when it is back. */
  readonly contact: Pick<StoreContact, "lost" | "found">;
  /** See `LiveManager`. */
  readonly withdrawnUpTo: () => Revision;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** This manager's `manager` object in the store: what the other managers know of it while it lives. */
export class Presence {
  readonly #deps: PresenceDeps;
  readonly #startedAt: Timestamp;
  readonly #writes: WriteQueue<"manager">;

  constructor(deps: PresenceDeps) {
    this.#deps = deps;
    this.#startedAt = deps.clock.now();
    this.#writes = new WriteQueue("manager", deps.state, deps.clock);
  }

  /** Keeps the object there, for as long as the store can be reached. */
  async run(signal: AbortSignal): Promise<never> {
    await using jobs = new TaskGroup(signal);
    jobs.spawn("presence writer", (stop) => this.#writes.run(stop));
    jobs.spawn("presence", (stop) =>
      keepTrying(this.#deps, "cannot tell other managers of this one", stop, () => this.#beThere(stop)),
    );
    return await jobs.done();
  }

  /** Tells the other managers that this one's nodes have turned away from all that was to stop up to this revision. */
  publish(withdrawnUpTo: Revision): void {
    const { clock, log, nodeId } = this.#deps;
    this.#writes
      .put(nodeId, (manager) =>
        manager.withdrawnUpTo < withdrawnUpTo ? { ...manager, withdrawnUpTo, updatedAt: clock.now() } : undefined,
      )
      .catch((err: unknown) => log.debug({ err, withdrawnUpTo }, "withdrawals not published"));
  }

  /**
   * Until the lease is lost. That alone says little of the store, which may have been replaced by another one; that no
   * other lease can be had does.
   */
  async #beThere(signal: AbortSignal): Promise<void> {
    const { clock, contact, log, withdrawnUpTo } = this.#deps;
    try {
      await using lease = await this.#lease(signal);
      await withDeadline(clock, ANSWER_MS, "telling other managers of this one", signal, (stop) =>
        this.#announce(lease.id, stop),
      );
      contact.found(clock.now());
      // What was published meanwhile found no object.
      this.publish(withdrawnUpTo());
      using waiting = new LinkedAbort(signal);
      await Promise.race([aborted(lease.lost), aborted(waiting.signal)]);
      signal.throwIfAborted();
      log.warn({ err: lease.lost.reason }, "other managers may take this one for lost");
    } catch (err) {
      contact.lost();
      throw err;
    }
  }

  #lease(signal: AbortSignal): Promise<Lease> {
    const { leases, clock } = this.#deps;
    return withDeadline(clock, ANSWER_MS, "asking for a lease", signal, (stop) => leases.lease(LEASE_MS, stop));
  }

  async #announce(lease: LeaseId, signal: AbortSignal): Promise<void> {
    const { state, nodeId: id, addr, clock, withdrawnUpTo } = this.#deps;
    // What an earlier process or lease of this manager has left behind.
    const leftBehind = state.view.get("manager", id);
    if (leftBehind !== undefined) {
      await state.commit([{ type: "delete", kind: "manager", id, expect: leftBehind.version }], signal);
    }
    const now = clock.now();
    const object: LiveManager = {
      kind: "manager",
      id,
      version: 0,
      createdAt: now,
      updatedAt: now,
      addr,
      withdrawnUpTo: withdrawnUpTo(),
      startedAt: this.#startedAt,
    };
    const result = await state.commit([{ type: "create", object, lease }], signal);
    if (!result.ok) throw new FlotillaError("unavailable", `another process says that it is manager ${id}`);
  }
}
