import { readFileSync } from "node:fs";
import { systemClock } from "#base/clock.ts";
import type { HostProcess } from "#lab/host-process.ts";
import type { Lab } from "#lab/lab.ts";
import { dissolveCluster, FLOTILLA, formCluster } from "./contender.ts";
import { createService, removeService, untilNodesReady, untilRunning, updateService } from "./services.ts";
import { milliseconds } from "./statistics.ts";

/** How long daemons are left alone before their memory is read, in ms. */
const REST_MS = 20_000;
const SERVICE = "web";
const REPLICAS = 6;

export interface Memory {
  /** All pages of the process, in bytes, as `ps` shows them. */
  readonly resident: number;
  /** Pages that several processes share count in part, in bytes: the executable, for daemons on one machine. */
  readonly proportional: number;
}

export interface Footprint {
  readonly manager: Memory;
  /** The larger one, in each way of counting. */
  readonly worker: Memory;
}

/** Plays the demo on a fresh cluster (start, update, back), and reads the daemons' memory when all is quiet. */
export async function measureFootprint(lab: Lab, images: readonly string[], signal: AbortSignal): Promise<Footprint> {
  using cluster = await formCluster(lab, FLOTILLA, signal);
  await untilNodesReady(cluster, signal);
  const [first = "", ...others] = images;
  await createService(cluster, SERVICE, first, REPLICAS, signal);
  await untilRunning(cluster, SERVICE, first, REPLICAS, signal);
  for (const image of [...others, first]) {
    await updateService(cluster, SERVICE, image, REPLICAS, signal);
    await untilRunning(cluster, SERVICE, image, REPLICAS, signal);
  }
  await systemClock.sleep(REST_MS, signal);
  const [manager, ...workers] = lab.hosts.map(({ daemon }) => readMemory(daemon));
  if (manager === undefined) throw new Error("the lab has no hosts");
  await removeService(cluster, SERVICE, signal);
  await dissolveCluster(cluster, signal);
  const largest = (size: keyof Memory) => Math.max(...workers.map((memory) => memory[size]));
  return { manager, worker: { resident: largest("resident"), proportional: largest("proportional") } };
}

function readMemory(process: HostProcess): Memory {
  const { pid } = process;
  if (pid === undefined) throw new Error(`${process.title} does not run`);
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const bytes = (field: string) => Number(new RegExp(`^${field}: +(\\d+) kB`, "m").exec(text)?.[1]) * 1_024;
  return { resident: bytes("Rss"), proportional: bytes("Pss") };
}

/** From the start of each host's daemon until it answers, one after the other, in ms. */
export async function measureStarts(lab: Lab, signal: AbortSignal): Promise<readonly number[]> {
  const times: number[] = [];
  for (const host of lab.hosts) times.push(await milliseconds(() => FLOTILLA.start(host, signal)));
  for (const host of lab.hosts) await FLOTILLA.stop(host, signal);
  return times;
}
