import type { Urgency } from "./link-events.ts";

/** How long after an event the kernel is looked at: events come in crowds. */
const SETTLE_MS: Readonly<Record<Urgency, number>> = { now: 30, soon: 200 };
/** How far looks are apart at least: our own changes are events, too. */
const PAUSE_MS: Readonly<Record<Urgency, number>> = { now: 100, soon: 1_000 };
/** How often that is looked at which has no events: the engine's firewall, some settings. */
const SWEEP_MS = 5_000;

/** When the kernel is to be looked at. Times are milliseconds since the epoch; at first all is due. */
export class Agenda {
  #lookAt = 0;
  #sweepAt = 0;
  #lastLook = Number.NEGATIVE_INFINITY;

  get nextAt(): number {
    return Math.min(this.#lookAt, this.#sweepAt);
  }

  event(urgency: Urgency, now: number): void {
    const at = Math.max(now + SETTLE_MS[urgency], this.#lastLook + PAUSE_MS[urgency]);
    this.#lookAt = Math.min(this.#lookAt, at);
  }

  /** Has the next look at everything come at this time, if not before. */
  retry(at: number): void {
    this.#lookAt = Math.min(this.#lookAt, at);
    this.sweep(at);
  }

  /** Has the next sweep come at this time, if not before. */
  sweep(at: number): void {
    this.#sweepAt = Math.min(this.#sweepAt, at);
  }

  /** Whether a look is due: it then counts as done. */
  takeLook(now: number): boolean {
    if (this.#lookAt > now) return false;
    this.#lookAt = Number.POSITIVE_INFINITY;
    this.#lastLook = now;
    return true;
  }

  takeSweep(now: number): boolean {
    if (this.#sweepAt > now) return false;
    this.#sweepAt = now + SWEEP_MS;
    return true;
  }
}
