import type { Lab } from "#lab/lab.ts";
import { type CallTimes, measureCalls } from "./api-calls.ts";
import { type Cluster, type Contender, dissolveCluster, formCluster } from "./contender.ts";
import { loseHost } from "./host-loss.ts";
import { startRawContainers } from "./raw-containers.ts";
import { createService, removeService, untilNodesReady, untilRunning, untilUp, updateService } from "./services.ts";
import { milliseconds } from "./statistics.ts";

export const IMAGE = "flotilla/demo:1";
export const NEXT_IMAGE = "flotilla/demo:2";
export const REPLICAS = 12;
const SERVICE = "web";
/** How often the service is brought up in a trial. */
const BRING_UPS = 2;

/** One contender's times, in ms. */
export interface TrialTimes {
  /** From the request until all 12 replicas run. */
  readonly bringUps: readonly number[];
  /** Of as many containers without a cluster, each just before a bring-up: a machine is not as fast all the time. */
  readonly engineCalls: readonly number[];
  /** From the request until 12 replicas run the next image, and none the old one. */
  readonly update: number;
  readonly calls: CallTimes;
  /** From each power cut until all 12 replicas run on the two other hosts. */
  readonly hostLosses: readonly number[];
}

/** Lets one contender form a cluster on the lab's hosts, do everything, and go again. */
export async function runTrial(
  lab: Lab,
  contender: Contender,
  hostLosses: number,
  signal: AbortSignal,
): Promise<TrialTimes> {
  using cluster = await formCluster(lab, contender, signal);
  await untilNodesReady(cluster, signal);
  await warmUp(cluster, signal);
  const engineCalls: number[] = [];
  const bringUps: number[] = [];
  for (let turn = 0; turn < BRING_UPS; turn++) {
    if (turn > 0) await removeService(cluster, SERVICE, signal);
    engineCalls.push(await startRawContainers(lab.hosts, IMAGE, REPLICAS / lab.hosts.length, signal));
    bringUps.push(await bringUp(cluster, signal));
  }
  const update = await milliseconds(async () => {
    await updateService(cluster, SERVICE, NEXT_IMAGE, REPLICAS, signal);
    await untilRunning(cluster, SERVICE, NEXT_IMAGE, REPLICAS, signal);
  });
  const calls = await measureCalls(cluster, SERVICE, IMAGE, signal);
  await removeService(cluster, SERVICE, signal);
  const losses: number[] = [];
  for (let loss = 0; loss < hostLosses; loss++) losses.push(await loseHost(cluster, IMAGE, REPLICAS, signal));
  await dissolveCluster(cluster, signal);
  return { bringUps, engineCalls, update, calls, hostLosses: losses };
}

const bringUp = (cluster: Cluster, signal: AbortSignal): Promise<number> =>
  milliseconds(async () => {
    await createService(cluster, SERVICE, IMAGE, REPLICAS, signal);
    await untilUp(cluster, SERVICE, REPLICAS, signal);
  });

/** A service with a task on each host: the first pull, the first container of an engine take longer than all others. */
async function warmUp(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const replicas = cluster.lab.hosts.length;
  await createService(cluster, "warm", IMAGE, replicas, signal);
  await untilRunning(cluster, "warm", IMAGE, replicas, signal);
  await removeService(cluster, "warm", signal);
}
