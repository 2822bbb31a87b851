import { readFileSync } from "node:fs";
import { FlotillaError } from "#base/errors.ts";
import { type EtcdEndpoint, type EtcdTls, parseEtcdUrl } from "#store/etcd/endpoint.ts";

/** The part of an etcd in which a cluster of plain engines is kept, where classic Swarm had it. */
export interface EtcdPlace {
  readonly endpoint: EtcdEndpoint;
  /** What the keys of engines begin with; ends in a slash. */
  readonly engines: string;
  /** The key of the manager that decides. */
  readonly leader: string;
}

/** Source of both: fact sheet classic-swarm 3. */
const ENGINES_PATH = "docker/swarm/nodes";
const LEADER_PATH = "docker/swarm/leader";

/** `--discovery-opt`, and what it gives the connection. */
const TLS_OPTIONS = { "kv.cacertfile": "ca", "kv.certfile": "cert", "kv.keyfile": "key" } as const;
const PATH_OPTION = "kv.path";

/**
 * Reads what follows `etcd://`: `h1:2379,h2:2379/prefix`. Options: `kv.path`, of the engines below the prefix;
 * `kv.cacertfile`, `kv.certfile` and `kv.keyfile` for TLS.
 * @throws FlotillaError `invalid`
 */
export function etcdPlace(rest: string, options: ReadonlyMap<string, string>): EtcdPlace {
  const [, hosts = "", prefix = ""] = /^([^/]*)\/*(.*?)\/*$/.exec(rest) ?? [];
  const { addresses } = parseEtcdUrl(`etcd://${hosts}`);
  const tls = readTls(options);
  const below = (path: string) =>
    `/${[...prefix.split("/"), ...path.split("/")].filter((part) => part !== "").join("/")}`;
  return {
    endpoint: { addresses, ...(tls && { tls }) },
    engines: `${below(options.get(PATH_OPTION) ?? ENGINES_PATH)}/`,
    leader: below(LEADER_PATH),
  };
}

/** @throws FlotillaError `invalid` for options that are unknown, do not go together, or name files that cannot be read. */
function readTls(options: ReadonlyMap<string, string>): EtcdTls | undefined {
  const tls: { -readonly [K in keyof EtcdTls]: EtcdTls[K] } = {};
  for (const [name, value] of options) {
    if (name === PATH_OPTION) continue;
    if (!isTlsOption(name)) {
      const known = [PATH_OPTION, ...Object.keys(TLS_OPTIONS)].join(", ");
      throw new FlotillaError("invalid", `discovery option ${name} is not known: there are ${known}`);
    }
    tls[TLS_OPTIONS[name]] = readPem(name, value);
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw new FlotillaError("invalid", "discovery options kv.certfile and kv.keyfile go together");
  }
  return Object.keys(tls).length > 0 ? tls : undefined;
}

const isTlsOption = (name: string): name is keyof typeof TLS_OPTIONS => Object.hasOwn(TLS_OPTIONS, name);

function readPem(option: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new FlotillaError("invalid", `discovery option ${option}: cannot read ${path}`, { cause });
  }
}
