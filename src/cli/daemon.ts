import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { localEngine } from "#api/engine-connector.ts";
import { type ApiServer, createApiServer } from "#api/server.ts";
import { aborted } from "#base/abort.ts";
import { systemClock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { createDockerEngine } from "#engine/docker-engine.ts";
import { engineSubnets } from "#engine/subnets.ts";
import { parseGenericResources } from "#model/generic-resource.ts";
import type { NodeDescription } from "#model/spec.ts";
import type { ForeignStore } from "#node/store/foreign-store.ts";
import { SwarmNode } from "#node/swarm-node.ts";
import { DEFAULT_POLICY } from "#plan/place/policy.ts";
import { parseEtcdUrl } from "#store/etcd/endpoint.ts";
import type { DaemonOptions, StoreFiles } from "./daemon-options.ts";
import { createLogger } from "./logger.ts";
import { stopSignal } from "./stop-signal.ts";
import { loadTls } from "./tls-options.ts";
import { productVersion } from "./version.ts";

/** Runs a daemon until SIGTERM or SIGINT. Its containers go on; the next start takes them over. */
export async function runDaemon(options: DaemonOptions, onLoaded: () => void): Promise<void> {
  const log = createLogger(options.logLevel, options.logFormat);
  const stop = stopSignal(log);
  await using owned = new AsyncDisposableStack();
  prepareRoots(options);
  if (options.pidfile !== undefined) owned.defer(writePidfile(options.pidfile));
  await serve(options, log, owned, onLoaded, stop);
  log.info({}, "stopped");
}

async function serve(
  options: DaemonOptions,
  log: Logger,
  owned: AsyncDisposableStack,
  onLoaded: () => void,
  signal: AbortSignal,
): Promise<void> {
  const engine = owned.use(createDockerEngine({ url: options.engine, clock: systemClock }));
  const system = { clock: systemClock, random: systemRandom, log };
  const node = owned.use(
    new SwarmNode(
      {
        ...system,
        engine,
        dataRoot: options.dataRoot,
        execRoot: options.execRoot,
        describe: async (stop) => withOptions(await engine.describe(stop), options),
        defaultAdvertiseAddr: options.swarmDefaultAdvertiseAddr,
        defaultAddrPools: options.defaultAddrPools.map(poolBase),
        interfaces: networkInterfaces,
        openTarget: (target, stop) => api.openTarget(target, stop),
        bringImage: (request, nodeId, stop) => api.bringImage(request, nodeId, stop),
        reschedule: (fenced, lost) => api.reschedule(fenced, lost),
        engineSubnets: (stop) => engineSubnets(options.engine, stop),
        ...(options.store && { foreignStore: readStore(options.store) }),
      },
      signal,
    ),
  );
  const version = productVersion();
  const policy = { ...DEFAULT_POLICY, strategy: options.strategy };
  const api: ApiServer = owned.use(
    await createApiServer(
      { ...system, membership: node, engine: localEngine(options.engine), policy, version },
      signal,
    ),
  );
  if (options.metricsAddr !== undefined) {
    const { startMetrics } = await import("./metrics.ts");
    owned.use(await startMetrics(options.metricsAddr, node));
  }
  await node.resume();
  const tls = options.tls && loadTls(options.tls);
  for (const host of options.hosts) log.info({ url: await api.listen(host, tls) }, "serving the Engine API");
  log.info({ version, engine: options.engine }, "ready");
  onLoaded();
  await aborted(signal);
}

/** @throws when one of its files cannot be read. */
function readStore({ url, ca, cert, key }: StoreFiles): ForeignStore {
  const files = Object.entries({ ca, cert, key }).flatMap(([name, path]) =>
    path === undefined ? [] : [[name, readFileSync(path, "utf8")] as const],
  );
  return { ...parseEtcdUrl(url), ...(files.length > 0 && { tls: Object.fromEntries(files) }) };
}

/** Only root may enter: keys and secrets are in there. */
function prepareRoots({ dataRoot, execRoot }: DaemonOptions): void {
  for (const root of [dataRoot, execRoot]) {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    chmodSync(root, 0o700);
  }
}

function writePidfile(path: string): () => void {
  writeFileSync(path, `${process.pid}\n`);
  return () => rmSync(path, { force: true });
}

/** `base=10.0.0.0/8,size=24`: networks are cut in the cluster's own subnet size, so only the base counts. */
const poolBase = (pool: string): string => /(?:^|,)base=([^,]+)/.exec(pool)?.[1] ?? pool;

/** What the command line adds to the engine's own description. */
function withOptions(description: NodeDescription, options: DaemonOptions): NodeDescription {
  const added = options.labels.map((label) => label.split(/=(.*)/s).slice(0, 2) as [string, string]);
  const labels = { ...description.Engine.Labels, ...Object.fromEntries(added) };
  const GenericResources = parseGenericResources(options.nodeGenericResources);
  return {
    ...description,
    Resources: { ...description.Resources, ...(GenericResources.length > 0 && { GenericResources }) },
    Engine: { ...description.Engine, ...(Object.keys(labels).length > 0 && { Labels: labels }) },
  };
}
