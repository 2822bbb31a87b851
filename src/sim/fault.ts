import { type Random, randomInt } from "#base/random.ts";
import { chance } from "./choose.ts";

/** Sets right again what a fault broke. */
export type Undo = () => void | Promise<void>;

export interface Fault {
  readonly kind: string;
  /** The kind, and what is broken: what has a name is broken once at a time. */
  readonly name: string;
  readonly begin: () => Undo | undefined | Promise<Undo | undefined>;
  /** The longest that it lasts, in milliseconds. */
  readonly mostMs: number;
}

/** A fault, and how likely it is beside others. */
export type FaultChoice = readonly [weight: number, fault: Fault];

/** A fault that is over at once. */
export const once = (action: () => void) => (): undefined => {
  action();
};

/** How far clocks are set. Managers whose clocks differ wait for each other's times: theirs stay near to each other. */
export const NEAR_MS = 20_000;
export const FAR_MS = 600_000;

/** Backwards a little, as when a drift is corrected; forwards up to `mostMs`, as after a suspension. */
export const jumpMs = (random: Random, mostMs: number): number =>
  chance(random, 0.5) ? -randomInt(random, 1, NEAR_MS) : randomInt(random, 1, mostMs);
