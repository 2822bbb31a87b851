import { isAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { Fanout } from "#base/fanout.ts";
import type { Logger } from "#base/log.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { Control } from "#manager/control.ts";
import { type ClusterEvent, eventOf } from "./cluster-event.ts";
import type { Membership } from "./membership.ts";

/** Events that are kept for clients which ask for the past. Source: moby daemon/events/events.go. */
const KEPT_EVENTS = 256;
/** How far a client may fall behind. Source: the same. */
const BUFFERED_EVENTS = 1024;
/** How often to look whether this daemon has a manager by now. */
const LOOK_MS = 500;

interface Deps {
  readonly membership: Membership;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What happens to the cluster's objects, for as long as a manager runs in this daemon. Kept in memory only. */
export class ClusterEvents {
  readonly #deps: Deps;
  readonly #kept: ClusterEvent[] = [];
  readonly #fanout = new Fanout<ClusterEvent>(BUFFERED_EVENTS);
  readonly #wakeup = new Wakeup();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Follows the manager of this daemon, whenever there is one. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    for (;;) {
      const control = this.#control();
      if (control !== undefined) await this.#follow(control, signal);
      await this.#wakeup.wait(clock, clock.now() + LOOK_MS, signal);
    }
  }

  /** Says that this daemon may have a manager now. */
  lookAgain(): void {
    this.#wakeup.wake();
  }

  /** The events that are still known, from the oldest. */
  recent(): readonly ClusterEvent[] {
    return [...this.#kept];
  }

  /** Every event from now on. */
  subscribe(signal: AbortSignal): AsyncIterable<ClusterEvent> {
    return this.#fanout.subscribe(signal);
  }

  #control(): Control | undefined {
    try {
      return this.#deps.membership.control();
    } catch {
      // Not a manager, or not yet: that is no event.
      return undefined;
    }
  }

  async #follow(control: Control, signal: AbortSignal): Promise<void> {
    try {
      for await (const { changes } of control.commits(signal)) {
        for (const change of changes) this.#publish(eventOf(change, this.#deps.clock.now()));
      }
    } catch (err) {
      if (isAbort(err, signal)) throw err;
      this.#deps.log.warn({ err }, "lost the stream of cluster events, subscribing again");
    }
  }

  #publish(event: ClusterEvent | undefined): void {
    if (event === undefined) return;
    this.#kept.push(event);
    if (this.#kept.length > KEPT_EVENTS) this.#kept.shift();
    this.#fanout.publish(event);
  }
}
