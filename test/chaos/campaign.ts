import { systemClock } from "#base/clock.ts";
import { seededRandom } from "#base/random.ts";
import { untilServing } from "#lab/serving.ts";
import { type Bed, openBed } from "./bed.ts";
import { findImpossibleHistories, untilWhole } from "./checks.ts";
import { createRegisters, readAllRegisters, useRegisters } from "./configs.ts";
import { befall, type FaultRecord } from "./fault-schedule.ts";
import { FAULTS } from "./faults.ts";
import { History } from "./history.ts";
import { ServiceClient } from "./services.ts";

export interface CampaignOptions {
  readonly name: string;
  readonly seed: number;
  readonly minutes: number;
  readonly managers: number;
  readonly workers: number;
  readonly say: (line: string) => void;
  /** Called before the lab is taken down when something was found, to save what it left behind. */
  readonly onFound?: (bed: Bed) => Promise<void>;
}

export interface CampaignRecord {
  readonly seed: number;
  readonly minutes: number;
  readonly managers: number;
  readonly workers: number;
  readonly faults: readonly FaultRecord[];
  readonly calls: History["counts"];
  /** Why the outcome of writes was unknown, and how often. */
  readonly reasons: Readonly<Record<string, number>>;
  /** How long the cluster took to be whole after the last fault, in ms. */
  readonly wholeAfterMs: number;
  /** What was wrong. */
  readonly found: readonly string[];
}

const REGISTER_CLIENTS = 4;
const SERVICE_CLIENTS = 2;

/** Lets clients work on a cluster of real hosts while faults befall it, and checks what is left. */
export async function runCampaign(options: CampaignOptions, signal: AbortSignal): Promise<CampaignRecord> {
  const { seed, minutes, say } = options;
  await using bed = await openBed(options, signal);
  const [first] = bed.managers;
  if (first === undefined) throw new Error("a campaign needs a manager");
  await createRegisters(first);
  say(`seed ${seed}: ${options.managers} managers, ${options.workers} workers, ${minutes} minutes`);
  const history = new History();
  // Each has a sequence of its own, so that the faults do not depend on how fast the clients are.
  const randomOf = (index: number) => seededRandom(seed * 1_000 + index);
  const services = Array.from(
    { length: SERVICE_CLIENTS },
    (_, index) => new ServiceClient(`s${index}`, bed.managers, history, randomOf(index)),
  );
  const stop = AbortSignal.any([signal, AbortSignal.timeout(minutes * 60_000)]);
  const registers = Array.from({ length: REGISTER_CLIENTS }, (_, index) =>
    useRegisters(`c${index}`, bed.managers, history, randomOf(100 + index), stop),
  );
  const faulting = befall(bed.hosts, randomOf(200), say, stop);
  await Promise.all([...services.map((client) => client.run(stop)), ...registers, faulting]);
  const faults = await faulting;
  signal.throwIfAborted();

  const calmAt = systemClock.now();
  const ended = await repair(bed, signal);
  const missing = await untilWhole(bed, signal);
  const wholeAfterMs = systemClock.now() - calmAt;
  await readAllRegisters(bed.managers, history);
  for (const client of services) await client.readAll();
  const found = [...ended, ...missing, ...findImpossibleHistories(history)];
  if (found.length > 0) await options.onFound?.(bed);
  return {
    seed,
    minutes,
    managers: options.managers,
    workers: options.workers,
    faults,
    calls: history.counts,
    reasons: Object.fromEntries(history.reasons),
    wholeAfterMs,
    found,
  };
}

/**
 * Undoes whatever a fault may have left behind, so that what is wrong afterwards is the product's doing.
 * @returns which processes had ended although no fault had ended them.
 */
async function repair(bed: Bed, signal: AbortSignal): Promise<readonly string[]> {
  const found: string[] = [];
  for (const target of bed.hosts) {
    const { host } = target;
    for (const fault of FAULTS) {
      const isQuiet = fault.takes.every((part) => part !== "daemon" && part !== "engine");
      if (isQuiet) await fault.end(target, signal).catch(() => undefined); // it may have ended before
    }
    for (const [process, socket] of [
      [host.engine, host.engineSocket],
      [host.daemon, host.daemonSocket],
    ] as const) {
      if (process.isRunning) process.thaw();
      else {
        found.push(`${process.title} had ended by itself: ${process.logTail.slice(-400)}`);
        await process.restart(signal);
      }
      await untilServing(process, socket, signal);
    }
  }
  return found;
}
