import { existsSync, readFileSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { FlotillaError } from "#base/errors.ts";
import { parseStrategy } from "#plan/place/policy.ts";
import { STRATEGIES, type Strategy } from "#plan/place/strategy.ts";
import { parseEtcdUrl } from "#store/etcd/endpoint.ts";
import { directiveProblem, isPair, LOG_FORMATS, LOG_LEVELS } from "./directive-problem.ts";
import { readTls, type TlsPaths } from "./tls-options.ts";

/** Everything that a daemon can be told, from its flags and its configuration file. */
export interface DaemonOptions {
  readonly hosts: readonly string[];
  readonly engine: string;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pidfile: string | undefined;
  /** `key=value`: the engine labels that constraints see, beside the engine's own. */
  readonly labels: readonly string[];
  /** `kind=value`. */
  readonly nodeGenericResources: readonly string[];
  readonly swarmDefaultAdvertiseAddr: string;
  readonly defaultAddrPools: readonly string[];
  /** An etcd that users run themselves: `etcd://HOST:PORT,…/PREFIX`. */
  readonly store: StoreFiles | undefined;
  readonly tls: TlsPaths | undefined;
  readonly logLevel: string;
  readonly logFormat: "text" | "json";
  readonly metricsAddr: string | undefined;
  /** How hosts are ranked for single containers. */
  readonly strategy: Strategy;
}

/** A store's address, and the paths of the PEM files with which it is reached; without any, it is reached without TLS. */
export interface StoreFiles {
  readonly url: string;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export const DEFAULT_CONFIG_FILE = "/etc/flotilla/daemon.json";
export const DEFAULT_SOCKET = "unix:///run/flotilla.sock";

/** How each directive is called in the configuration file, and by which option it is given. */
const DIRECTIVES = {
  hosts: "host",
  engine: "engine",
  "data-root": "dataRoot",
  "exec-root": "execRoot",
  pidfile: "pidfile",
  labels: "label",
  "node-generic-resources": "nodeGenericResource",
  "swarm-default-advertise-addr": "swarmDefaultAdvertiseAddr",
  "default-addr-pools": "defaultAddrPool",
  store: "store",
  "store-tls-ca": "storeTlsCa",
  "store-tls-cert": "storeTlsCert",
  "store-tls-key": "storeTlsKey",
  tls: "tls",
  tlsverify: "tlsverify",
  tlscacert: "tlscacert",
  tlscert: "tlscert",
  tlskey: "tlskey",
  "log-level": "logLevel",
  "log-format": "logFormat",
  "metrics-addr": "metricsAddr",
  strategy: "strategy",
} as const;

type Flag = (typeof DIRECTIVES)[keyof typeof DIRECTIVES];
type FlagValues = Partial<Record<Flag, string | boolean | readonly string[]>>;

const collect = (value: string, previous: readonly string[] | undefined): readonly string[] => [
  ...(previous ?? []),
  value,
];

function pair(value: string, previous: readonly string[] | undefined): readonly string[] {
  if (!isPair(value)) throw new InvalidArgumentError("expected KEY=VALUE");
  return collect(value, previous);
}

/** Adds the daemon's flags, named as dockerd names them where it has them. */
export function addDaemonOptions(command: Command): Command {
  return command
    .option("-H, --host <url>", `where to serve the Engine API; repeatable (default ${DEFAULT_SOCKET})`, collect)
    .option("--engine <url>", "the Docker Engine of this host (default unix:///var/run/docker.sock)")
    .option("--data-root <dir>", "identity, certificates and state (default /var/lib/flotilla)")
    .option("--exec-root <dir>", "what only lives until reboot (default /run/flotilla)")
    .option("-p, --pidfile <file>", "write the process id here")
    .option("--label <key=value>", "label of this engine, for constraints; repeatable", pair)
    .option("--node-generic-resource <kind=value>", "resource that tasks can reserve; repeatable", pair)
    .option("--swarm-default-advertise-addr <addr>", "address or interface to advertise by default")
    .option("--default-addr-pool <base=..,size=..>", "pool for overlay networks; repeatable", collect)
    .option("--store <url>", "keep a new swarm's state in an etcd that you run: etcd://HOST:PORT,.. (default: our own)")
    .option("--store-tls-ca <file>", "authority of that etcd's certificates")
    .option("--store-tls-cert <file>", "certificate to show to it")
    .option("--store-tls-key <file>", "its key")
    .option("--tls", "serve TCP with TLS, without asking clients for a certificate")
    .option("--tlsverify", "serve TCP with TLS to clients with a certificate")
    .option("--tlscacert <file>", "authority of the clients' certificates")
    .option("--tlscert <file>", "certificate of the API")
    .option("--tlskey <file>", "its key")
    .addOption(new Option("-l, --log-level <level>", "least serious level to log").choices(LOG_LEVELS))
    .addOption(new Option("--log-format <format>", "form of log lines").choices(LOG_FORMATS))
    .option("--metrics-addr <host:port>", "serve Prometheus metrics")
    .option(
      "--strategy <name>",
      `how hosts are ranked for single containers: ${STRATEGIES.join(", ")} (default spread)`,
    )
    .option("--config-file <file>", `configuration as JSON (default ${DEFAULT_CONFIG_FILE})`);
}

/** Joins flags and configuration file. @throws FlotillaError `invalid` for a directive that is unknown or given twice. */
export function readDaemonOptions(flags: FlagValues & { readonly configFile?: string }): DaemonOptions {
  const given = { ...flags, ...readConfigFile(flags.configFile, flags) };
  const text = (flag: Flag, fallback: string): string => String(given[flag] ?? fallback);
  const list = (flag: Flag): readonly string[] => (given[flag] as readonly string[] | undefined) ?? [];
  const hosts = list("host");
  return {
    hosts: hosts.length > 0 ? hosts : [DEFAULT_SOCKET],
    engine: text("engine", "unix:///var/run/docker.sock"),
    dataRoot: text("dataRoot", "/var/lib/flotilla"),
    execRoot: text("execRoot", "/run/flotilla"),
    pidfile: given.pidfile === undefined ? undefined : String(given.pidfile),
    labels: list("label"),
    nodeGenericResources: list("nodeGenericResource"),
    swarmDefaultAdvertiseAddr: text("swarmDefaultAdvertiseAddr", ""),
    defaultAddrPools: list("defaultAddrPool"),
    store: readStore(given),
    tls: readTls(given),
    logLevel: text("logLevel", "info"),
    logFormat: given.logFormat === "json" ? "json" : "text",
    metricsAddr: given.metricsAddr === undefined ? undefined : String(given.metricsAddr),
    strategy: parseStrategy(text("strategy", "spread")),
  };
}

function readStore(given: FlagValues): StoreFiles | undefined {
  const path = (flag: Flag) => (given[flag] === undefined ? undefined : String(given[flag]));
  const [ca, cert, key] = [path("storeTlsCa"), path("storeTlsCert"), path("storeTlsKey")];
  if (given.store === undefined) {
    if (ca ?? cert ?? key) throw new FlotillaError("invalid", "--store-tls-… goes with --store");
    return undefined;
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new FlotillaError("invalid", "--store-tls-cert and --store-tls-key go together");
  }
  const url = String(given.store);
  parseEtcdUrl(url);
  return { url, ca, cert, key };
}

function readConfigFile(path: string | undefined, flags: FlagValues): FlagValues {
  if (path === undefined && !existsSync(DEFAULT_CONFIG_FILE)) return {};
  const file = path ?? DEFAULT_CONFIG_FILE;
  const entries = Object.entries(parseConfig(file));
  const unknown = entries.filter(([key]) => !Object.hasOwn(DIRECTIVES, key)).map(([key]) => key);
  if (unknown.length > 0) {
    throw new FlotillaError("invalid", `${file}: unknown directive ${unknown.join(", ")}`);
  }
  for (const [key, value] of entries) {
    const problem = directiveProblem(key, value);
    if (problem !== undefined) throw new FlotillaError("invalid", `${file}: ${key}: ${problem}`);
  }
  const values = entries.map(([key, value]) => [DIRECTIVES[key as keyof typeof DIRECTIVES], value] as const);
  const twice = values.filter(([flag]) => flags[flag] !== undefined).map(([flag]) => flag);
  if (twice.length > 0) {
    throw new FlotillaError("invalid", `${file}: given both as a flag and in the file: ${twice.join(", ")}`);
  }
  return Object.fromEntries(values) as FlagValues;
}

function parseConfig(file: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return { ...parsed };
  } catch (cause) {
    throw new FlotillaError("invalid", `cannot read the configuration file ${file}`, { cause });
  }
  throw new FlotillaError("invalid", `${file}: expected a JSON object`);
}
