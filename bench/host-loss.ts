import type { Cluster } from "./contender.ts";
import { createService, nodeIdOf, removeService, untilElsewhere, untilNodesReady, untilRunning } from "./services.ts";
import { milliseconds } from "./statistics.ts";

const SERVICE = "moved";

/**
 * Cuts the power of the cluster's last host while a service runs on all hosts, and boots it again afterwards.
 * @returns the time from the power cut until all replicas run on the other hosts, in ms.
 */
export async function loseHost(
  cluster: Cluster,
  image: string,
  replicas: number,
  signal: AbortSignal,
): Promise<number> {
  const host = cluster.lab.hosts.at(-1);
  if (host === undefined) throw new Error("the lab has no hosts");
  await createService(cluster, SERVICE, image, replicas, signal);
  await untilRunning(cluster, SERVICE, image, replicas, signal);
  const node = await nodeIdOf(cluster, host, signal);
  const time = await milliseconds(() =>
    Promise.all([host.powerOff(signal), untilElsewhere(cluster, SERVICE, replicas, node, signal)]),
  );
  await cluster.contender.revive(host, signal);
  await untilNodesReady(cluster, signal);
  await removeService(cluster, SERVICE, signal);
  return time;
}
