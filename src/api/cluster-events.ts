import { Fanout } from "#base/fanout.ts";
import { type ClusterEvent, eventOf } from "./cluster-event.ts";
import { ClusterFollower, type FollowDeps } from "./follow-cluster.ts";
import type { ClusterObjects } from "./membership.ts";

/** Events that are kept for clients which ask for the past. Source: moby daemon/events/events.go. */
const KEPT_EVENTS = 256;
/** How far a client may fall behind. Source: the same. */
const BUFFERED_EVENTS = 1024;

/** What happens to the cluster's objects, for as long as a manager runs in this daemon. Kept in memory only. */
export class ClusterEvents {
  readonly #deps: FollowDeps;
  readonly #kept: ClusterEvent[] = [];
  readonly #fanout = new Fanout<ClusterEvent>(BUFFERED_EVENTS);
  readonly #follower: ClusterFollower;

  constructor(deps: FollowDeps) {
    this.#deps = deps;
    this.#follower = new ClusterFollower(deps);
  }

  /** Follows the manager of this daemon, whenever there is one. */
  run(signal: AbortSignal): Promise<void> {
    return this.#follower.run((cluster, stop) => this.#follow(cluster, stop), signal);
  }

  /** Says that this daemon may have a manager now. */
  lookAgain(): void {
    this.#follower.lookAgain();
  }

  /** The events that are still known, from the oldest. */
  recent(): readonly ClusterEvent[] {
    return [...this.#kept];
  }

  /** Every event from now on. */
  subscribe(signal: AbortSignal): AsyncIterable<ClusterEvent> {
    return this.#fanout.subscribe(signal);
  }

  async #follow(cluster: ClusterObjects, signal: AbortSignal): Promise<void> {
    for await (const { changes } of cluster.commits(signal)) {
      for (const change of changes) this.#publish(eventOf(change, this.#deps.clock.now()));
    }
  }

  #publish(event: ClusterEvent | undefined): void {
    if (event === undefined) return;
    this.#kept.push(event);
    if (this.#kept.length > KEPT_EVENTS) this.#kept.shift();
    this.#fanout.publish(event);
  }
}
