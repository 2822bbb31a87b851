import { isAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { ClusterObjects, Membership } from "./membership.ts";

/** How often to look whether this daemon has a manager by now. */
const LOOK_MS = 500;

export interface FollowDeps {
  readonly membership: Pick<Membership, "cluster">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Lets something follow the cluster's objects, for as long as this daemon knows them; and again, when it does again. */
export class ClusterFollower {
  readonly #deps: FollowDeps;
  readonly #wakeup = new Wakeup();

  constructor(deps: FollowDeps) {
    this.#deps = deps;
  }

  /** Says that this daemon may have a manager now. */
  lookAgain(): void {
    this.#wakeup.wake();
  }

  /** @param follow is given the objects; it ends when they are not kept up to date any more. */
  async run(
    follow: (cluster: ClusterObjects, signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, log } = this.#deps;
    for (;;) {
      const cluster = clusterOf(this.#deps.membership);
      try {
        if (cluster !== undefined) await follow(cluster, signal);
      } catch (err) {
        if (isAbort(err, signal)) throw err;
        log.warn({ err }, "lost the cluster's objects, looking for them again");
      }
      await this.#wakeup.wait(clock, clock.now() + LOOK_MS, signal);
    }
  }
}

/** The cluster's objects, if this daemon knows them. */
export function clusterOf(membership: Pick<Membership, "cluster">): ClusterObjects | undefined {
  try {
    return membership.cluster();
  } catch {
    return undefined; // Not a manager, or not yet.
  }
}
