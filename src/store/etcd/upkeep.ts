import { isAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { type Random, randomInt } from "#base/random.ts";
import type { EtcdAlarm, EtcdCluster, EtcdStatus } from "./cluster.ts";

/** Between two rounds. By chance, so that members do not make their files smaller at the same time. */
const ROUND_MS = { least: 4 * 60_000, most: 6 * 60_000 } as const;
/** A file is made smaller when it has that much to give back, and uses less than this share of its size. */
const WORTHWHILE_BYTES = 64 * 1024 * 1024;
const WORTHWHILE_SHARE = 1 / 2;

export interface UpkeepDeps {
  /** Asks this manager's own member. */
  readonly cluster: Pick<EtcdCluster, "status" | "alarms" | "compact" | "defragment" | "disarm">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** What one round does, in this order. */
export interface Chores {
  /** Everything before this revision of etcd's is forgotten; watches that were broken for shorter go on where they were. */
  readonly compactTo: bigint | undefined;
  readonly defragment: boolean;
  readonly disarm: readonly EtcdAlarm[];
}

/**
 * Decides on a round. History that is as old as the round before is forgotten; a member without space forgets all that
 * it can, and takes writes again.
 * @param earlier etcd's revision at the round before; undefined in the first.
 */
export function chores(status: EtcdStatus, alarms: readonly EtcdAlarm[], earlier: bigint | undefined): Chores {
  const full = alarms.filter(({ memberId, type }) => memberId === status.memberId && type === "no space");
  const free = status.fileBytes - status.usedBytes;
  const compactTo = full.length > 0 ? status.revision : earlier;
  return {
    compactTo: compactTo === undefined || compactTo <= 1n ? undefined : compactTo,
    defragment: full.length > 0 || (free >= WORTHWHILE_BYTES && status.usedBytes < status.fileBytes * WORTHWHILE_SHARE),
    disarm: full,
  };
}

/**
 * Keeps an etcd of our own small, which otherwise grows with each write until it takes no more. Every manager sees to
 * its own member. Runs until `signal` aborts; a round that fails is made up for by the next.
 */
export async function upkeep({ cluster, clock, random, log }: UpkeepDeps, signal: AbortSignal): Promise<void> {
  for (let earlier: bigint | undefined; ; ) {
    try {
      const status = await cluster.status(signal);
      const { compactTo, defragment, disarm } = chores(status, await cluster.alarms(signal), earlier);
      if (compactTo !== undefined) await cluster.compact(compactTo, signal);
      if (defragment) {
        log.info({ fileBytes: status.fileBytes, usedBytes: status.usedBytes }, "making the store's file smaller");
        await cluster.defragment(signal);
      }
      for (const alarm of disarm) {
        log.warn({ ...alarm }, "the store had no space left, and was compacted");
        await cluster.disarm(alarm, signal);
      }
      earlier = status.revision;
    } catch (err) {
      if (isAbort(err, signal)) throw err;
      log.warn({ err }, "upkeep of the store failed");
    }
    await clock.sleep(randomInt(random, ROUND_MS.least, ROUND_MS.most), signal);
  }
}
