import { createApiServer } from "#api/server.ts";
import { aborted } from "#base/abort.ts";
import { systemClock } from "#base/clock.ts";
import { systemRandom } from "#base/random.ts";
import { failureOf, TaskGroup } from "#base/task-group.ts";
import { ClassicCluster } from "#classic/classic-cluster.ts";
import { etcdPlace } from "#classic/discovery/etcd-place.ts";
import { openDiscovery, splitDiscovery } from "#classic/discovery/open-discovery.ts";
import type { Election } from "#classic/election.ts";
import { managerInfo } from "#classic/manager-info.ts";
import { engineDialler } from "#classic/transport.ts";
import { createLogger } from "#cli/logger.ts";
import { stopSignal } from "#cli/stop-signal.ts";
import { loadTls } from "#cli/tls-options.ts";
import { productVersion } from "#cli/version.ts";
import { check } from "./arguments.ts";
import type { Candidacy, ManageOptions } from "./manage-options.ts";

/** Makes one Docker host of the engines that discovery names, until SIGTERM or SIGINT. It keeps no state. */
export async function runManage(options: ManageOptions, logLevel: string): Promise<void> {
  const log = createLogger(logLevel, "text");
  const stop = stopSignal(log);
  const { heartbeatMs, policy, patience } = options;
  const clock = systemClock;
  const system = { clock, random: systemRandom, log };
  const tls = options.tls && loadTls(options.tls);
  await using owned = new AsyncDisposableStack();
  const discovery = owned.use(
    await openDiscovery(options.discovery, { clock, heartbeatMs, options: options.discoveryOptions }),
  );
  const election = options.election && owned.use(await openElection(options.discovery, options, options.election));
  const cluster = new ClassicCluster({
    ...system,
    discovery,
    heartbeatMs,
    patience,
    dial: engineDialler(clock, tls),
    ...(election && { election }),
  });
  const jobs = owned.use(new TaskGroup(stop));
  jobs.spawn("cluster", (signal) => cluster.run(signal));
  const version = productVersion();
  const api = owned.use(
    await createApiServer(
      {
        ...system,
        membership: cluster,
        engine: cluster.anyEngine,
        info: () => managerInfo(version, cluster.role),
        policy,
        version,
      },
      jobs.signal,
    ),
  );
  jobs.spawn("rescheduling", (signal) => cluster.lead((state, lost) => api.reschedule(state, lost), signal));
  const security = tls ?? (options.allowsPlainTcp ? "plain" : undefined);
  for (const host of options.hosts) log.info({ url: await api.listen(host, security) }, "serving the Engine API");
  await aborted(jobs.signal);
  if (!stop.aborted) throw failureOf(jobs.signal.reason);
  log.info({}, "stopped");
}

/** @throws FlotillaError `invalid` where there is nothing to elect by. */
async function openElection(
  uri: string,
  { discoveryOptions }: Pick<ManageOptions, "discoveryOptions">,
  { addr, ttlMs }: Candidacy,
): Promise<Election> {
  const { scheme, rest } = splitDiscovery(uri);
  check(scheme === "etcd", "Leader election is only supported with etcd discovery: give etcd://HOST:PORT,…");
  const { EtcdElection } = await import("#classic/etcd-election.ts");
  return new EtcdElection(etcdPlace(rest, discoveryOptions), addr, ttlMs, systemClock);
}
