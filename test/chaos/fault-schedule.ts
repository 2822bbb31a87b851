import { systemClock } from "#base/clock.ts";
import { errorMessage } from "#base/errors.ts";
import { type Random, randomInt } from "#base/random.ts";
import type { ChaosHost } from "./bed.ts";
import { FAULTS, type Fault } from "./faults.ts";
import { pick } from "./pick.ts";

/** Time between the beginnings of two faults, and how long one lasts, in ms. Many overlap. */
const PAUSE = { from: 500, to: 5_000 } as const;
const LENGTH = { from: 200, to: 10_000 } as const;
/** What has begun is ended properly, whatever else ends. */
const NEVER = new AbortController().signal;
/** After faults that lasted, some time without any: what must be done at all is done then. */
const CALM = { every: 8, ms: 10_000 } as const;

export interface FaultRecord {
  readonly name: string;
  readonly host: string;
  /** In ms since the campaign began. */
  readonly at: number;
  readonly lengthMs: number;
}

/** Lets random faults befall random hosts until `signal` aborts; then waits until all of them have ended. */
export async function befall(
  hosts: readonly ChaosHost[],
  random: Random,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<readonly FaultRecord[]> {
  const began = systemClock.now();
  const records: FaultRecord[] = [];
  const taken = new Set<string>();
  const running = new Set<Promise<void>>();
  const pause = (ms: number) => systemClock.sleep(ms, signal).catch(() => undefined);
  while (!signal.aborted) {
    await pause(randomInt(random, PAUSE.from, PAUSE.to));
    if (signal.aborted) break;
    const target = pick(random, hosts);
    const fault = pick(random, FAULTS);
    const lengthMs = randomInt(random, LENGTH.from, LENGTH.to);
    const places = placesOf(target, fault);
    if ((fault.managersOnly && !target.isManager) || places.some((place) => taken.has(place))) continue;
    for (const place of places) taken.add(place);
    records.push({ name: fault.name, host: target.host.name, at: systemClock.now() - began, lengthMs });
    say(`${target.host.name}: ${fault.name} for ${lengthMs} ms`);
    const job = suffer(target, fault, lengthMs, random, signal)
      .catch((err: unknown) => say(`${target.host.name}: ${fault.name}: ${errorMessage(err)}`))
      .finally(() => {
        running.delete(job);
        for (const place of places) taken.delete(place);
      });
    running.add(job);
    if (records.length % CALM.every === 0) {
      await Promise.all(running);
      await pause(CALM.ms);
    }
  }
  await Promise.all(running);
  return records;
}

/** The fault ends at its time, or as soon as `stop` aborts. */
async function suffer(
  target: ChaosHost,
  fault: Fault,
  lengthMs: number,
  random: Random,
  stop: AbortSignal,
): Promise<void> {
  await fault.begin(target, random, NEVER);
  await systemClock.sleep(lengthMs, stop).catch(() => undefined);
  await fault.end(target, NEVER);
}

const placesOf = ({ host }: ChaosHost, fault: Fault): readonly string[] =>
  fault.takes.map((part) => `${host.name} ${part}`);
