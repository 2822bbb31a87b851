import { type Command, Option } from "commander";
import { isLoopback, parseListenUrl } from "#api/listen-address.ts";
import { parseHostPort } from "#classic/address.ts";
import type { EnginePatience } from "#classic/engine-keeper.ts";
import { readTls, type TlsFlags, type TlsPaths } from "#cli/tls-options.ts";
import { PLACEMENT_FILTERS } from "#plan/place/filters.ts";
import { filtersCalled, type PlacementPolicy, parseStrategy } from "#plan/place/policy.ts";
import { STRATEGIES } from "#plan/place/strategy.ts";
import { MIN_LEASE_MS } from "#store/store.ts";
import { check, checkHeartbeat, collect, discoveryOf, discoveryOptions, pairsOption, timeOption } from "./arguments.ts";

/** What `flotilla manage` was told. */
export interface ManageOptions {
  readonly discovery: string;
  readonly discoveryOptions: ReadonlyMap<string, string>;
  readonly heartbeatMs: number;
  readonly hosts: readonly string[];
  /** Towards clients and engines. */
  readonly tls: TlsPaths | undefined;
  /** Whether clients may come by plain TCP from other hosts. */
  readonly allowsPlainTcp: boolean;
  readonly policy: PlacementPolicy;
  readonly patience: EnginePatience;
  /** Absent for a manager that is the only one. */
  readonly election: Candidacy | undefined;
}

/** What a manager says of itself to those of the same engines. */
export interface Candidacy {
  /** `host:port` by which they reach it. */
  readonly addr: string;
  readonly ttlMs: number;
}

export interface ManageFlags extends TlsFlags {
  readonly strategy: string;
  readonly filter?: readonly string[];
  readonly host?: readonly string[];
  readonly heartbeat: number;
  readonly engineRefreshMinInterval: number;
  readonly engineRefreshMaxInterval: number;
  readonly engineFailureRetry: string;
  readonly clusterDriver: string;
  readonly clusterOpt: ReadonlyMap<string, string>;
  readonly discoveryOpt: ReadonlyMap<string, string>;
  readonly replication?: boolean;
  readonly replicationTtl: number;
  readonly advertise?: string;
}

/** With three failures that an engine is allowed, who waits for a lost one is let go within six seconds. */
const PING_MS = 1_400;
const DEFAULT_HOST = "tcp://127.0.0.1:2375";
/** Source of this and the other defaults: fact sheet classic-swarm 2. */
const DEFAULT_OVERCOMMIT = "0.05";

/** The flags are classic Swarm's, where they mean something here. */
export const addManageOptions = (command: Command): Command =>
  command
    .option("--strategy <name>", `how hosts are ranked: ${STRATEGIES.join(", ")}`, "spread")
    .option(
      "-f, --filter <name>",
      `which conditions count, in this order; repeatable (default all: ${PLACEMENT_FILTERS.map(({ name }) => name).join(", ")})`,
      collect,
    )
    .option(
      "-H, --host <url>",
      `where to serve the Engine API; repeatable (SWARM_HOST, default ${DEFAULT_HOST})`,
      collect,
    )
    .option("--tls", "use TLS towards clients and engines, and check nobody's certificate")
    .option("--no-tls", "serve plain TCP: whoever reaches it is root on all engines")
    .option("--tlsverify", "use TLS towards clients and engines, and check their certificates")
    .option("--tlscacert <file>", "authority of the certificates of clients and engines")
    .option("--tlscert <file>", "certificate to show to clients and engines")
    .option("--tlskey <file>", "its key")
    .addOption(timeOption("--engine-refresh-min-interval <time>", "at the earliest, look at engines anew", "30s"))
    .addOption(timeOption("--engine-refresh-max-interval <time>", "at the latest, look at engines anew", "60s"))
    .option("--engine-failure-retry <n>", "so many failures make an engine unhealthy", "3")
    .addOption(timeOption("--heartbeat <time>", "how often to read discovery that does not tell its changes", "60s"))
    .addOption(pairsOption("--cluster-opt <key=value>", "swarm.overcommit=0.05"))
    .addOption(discoveryOptions())
    .option("--replication", "be one of several managers, of which one decides; with etcd:// only")
    .addOption(timeOption("--replication-ttl <time>", "how long nobody decides at most after that one is lost", "20s"))
    .option("--addr, --advertise <host:port>", "where the other managers reach this one (SWARM_ADVERTISE)")
    .addOption(new Option("-c, --cluster-driver <name>").default("swarm").hideHelp());

/** @throws FlotillaError `invalid` for what is missing or cannot be. */
export function readManageOptions(
  argument: string | undefined,
  flags: ManageFlags,
  env: NodeJS.ProcessEnv,
): ManageOptions {
  const discovery = discoveryOf(argument, env, "manage a cluster");
  check(flags.clusterDriver === "swarm", `cluster driver ${flags.clusterDriver} is not supported: there is only swarm`);
  checkHeartbeat(flags.heartbeat);
  const tls = readTls(flags);
  const given = flags.host ?? (env["SWARM_HOST"] ? [env["SWARM_HOST"]] : [DEFAULT_HOST]);
  return {
    discovery,
    discoveryOptions: flags.discoveryOpt,
    heartbeatMs: flags.heartbeat,
    hosts: given.map((host) => listenUrl(host, tls !== undefined, flags.tls === false)),
    tls,
    allowsPlainTcp: flags.tls === false,
    policy: readPolicy(flags),
    patience: readPatience(flags),
    election: readCandidacy(flags, env),
  };
}

/** @throws FlotillaError `invalid` for what is no address, and for one that would be open to everybody. */
function listenUrl(host: string, hasTls: boolean, allowsPlainTcp: boolean): string {
  const url = host.includes("://") ? host : `tcp://${host}`;
  const address = parseListenUrl(url, hasTls, true);
  check(
    address.kind !== "tcp" || hasTls || allowsPlainTcp || isLoopback(address.host),
    `refusing to serve ${url} without TLS: everyone who can reach it would be root on all engines. Give --tlsverify with --tlscacert, --tlscert and --tlskey; or --no-tls, where only those can reach it who may`,
  );
  return url;
}

function readPolicy({ strategy, filter, clusterOpt }: ManageFlags): PlacementPolicy {
  for (const option of clusterOpt.keys()) {
    check(option === "swarm.overcommit", `cluster option ${option} is not supported: there is swarm.overcommit`);
  }
  const overcommit = Number(clusterOpt.get("swarm.overcommit") ?? DEFAULT_OVERCOMMIT);
  check(overcommit > -1, `swarm.overcommit should be larger than -1, ${overcommit.toFixed(6)} is invalid`);
  const filters = filter === undefined ? PLACEMENT_FILTERS : filtersCalled(filter);
  return { strategy: parseStrategy(strategy), filters, overcommit };
}

function readPatience(flags: ManageFlags): EnginePatience {
  const { engineRefreshMinInterval: refreshMinMs, engineRefreshMaxInterval: refreshMaxMs } = flags;
  const failureRetry = Number(flags.engineFailureRetry);
  check(refreshMinMs > 0, "min refresh interval should be a positive number");
  check(refreshMaxMs >= refreshMinMs, "max refresh interval cannot be less than min refresh interval");
  check(Number.isInteger(failureRetry) && failureRetry > 0, "invalid failure retry count");
  return { pingMs: PING_MS, failureRetry, refreshMinMs, refreshMaxMs };
}

function readCandidacy(flags: ManageFlags, env: NodeJS.ProcessEnv): Candidacy | undefined {
  if (flags.replication !== true) return undefined;
  const { replicationTtl: ttlMs } = flags;
  const addr = flags.advertise ?? env["SWARM_ADVERTISE"] ?? "";
  check(ttlMs >= MIN_LEASE_MS, "--replication-ttl should be a positive number of seconds");
  check(addr !== "", "--advertise address must be provided when using --replication");
  check(parseHostPort(addr) !== undefined, "--advertise should be of the form ip:port or hostname:port");
  return { addr, ttlMs };
}
