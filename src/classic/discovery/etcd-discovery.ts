import { readFileSync } from "node:fs";
import { FlotillaError } from "#base/errors.ts";
import { parseHostPort } from "#classic/address.ts";
import { EtcdClient } from "#store/etcd/client.ts";
import { type EtcdEndpoint, type EtcdTls, parseEtcdUrl } from "#store/etcd/endpoint.ts";
import { type Event, Event_EventType as EventType } from "#store/etcd/generated/etcdserverpb/rpc_pb.ts";
import { startingWith } from "#store/etcd/keys.ts";
import { leaseCalls } from "#store/etcd/leases.ts";
import { bytes, put, watchRequest } from "#store/etcd/requests.ts";
import type { Discovery, DiscoveryDeps } from "./discovery.ts";

/** Where classic Swarm kept the addresses. Source: fact sheet classic-swarm 3. */
const DEFAULT_PATH = "docker/swarm/nodes";

/** `--discovery-opt`, and what it gives the connection. */
const TLS_OPTIONS = { "kv.cacertfile": "ca", "kv.certfile": "cert", "kv.keyfile": "key" } as const;
const PATH_OPTION = "kv.path";

/**
 * `etcd://h1:2379,h2:2379/prefix`: a key for each engine, which goes with a lease. It is etcd's API version 3, so what
 * classic Swarm itself has registered by version 2 is not seen.
 *
 * Options: `kv.path`, below the prefix; `kv.cacertfile`, `kv.certfile` and `kv.keyfile` for TLS.
 * @throws FlotillaError `invalid`
 */
export function etcdDiscovery(rest: string, deps: DiscoveryDeps): Discovery {
  const [, hosts = "", prefix = ""] = /^([^/]*)\/*(.*?)\/*$/.exec(rest) ?? [];
  const { addresses } = parseEtcdUrl(`etcd://${hosts}`);
  const tls = readTls(deps.options);
  const path = deps.options.get(PATH_OPTION) ?? DEFAULT_PATH;
  const parts = [...prefix.split("/"), ...path.split("/")].filter((part) => part !== "");
  return new EtcdDiscovery({ addresses, ...(tls && { tls }) }, `/${parts.join("/")}/`, deps);
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

/** The addresses below a prefix of etcd's keys. */
export class EtcdDiscovery implements Discovery {
  readonly #client: EtcdClient;
  readonly #prefix: string;

  /** @param prefix ends in a slash. */
  constructor(endpoint: EtcdEndpoint, prefix: string, { clock }: Pick<DiscoveryDeps, "clock">) {
    this.#client = new EtcdClient(endpoint, clock);
    this.#prefix = prefix;
  }

  async *watch(signal: AbortSignal): AsyncGenerator<ReadonlySet<string>> {
    const range = startingWith(this.#prefix);
    const where = { key: bytes(range.key), rangeEnd: bytes(range.end) };
    const { kvs, header } = await this.#client.read({ what: "reading the engines' addresses" }, signal, (member, own) =>
      member.kv.range(where, own),
    );
    const found = new Map(kvs.map(({ key: name, value }) => [textOf(name), textOf(value)]));
    yield addressesOf(found);
    const startRevision = (header?.revision ?? 0n) + 1n;
    const changes = this.#client.stream(signal, (member, own) =>
      member.watch.watch(watchRequest({ ...where, startRevision }, own.signal), own),
    );
    for await (const { events, canceled, cancelReason } of changes) {
      if (canceled) throw new FlotillaError("unavailable", `etcd ended the watch: ${cancelReason}`);
      for (const event of events) note(found, event);
      if (events.length > 0) yield addressesOf(found);
    }
    throw new FlotillaError("unavailable", "etcd ended the watch");
  }

  /** The key goes over to a new lease each time: there is nothing to remember, and nothing that can be lost. */
  async register(addr: string, ttlMs: number, signal: AbortSignal): Promise<void> {
    const lease = BigInt(await leaseCalls(this.#client).grant(ttlMs, signal));
    await this.#client.call({ what: "registering an engine's address" }, signal, (member, own) =>
      member.kv.txn({ success: [put(`${this.#prefix}${addr}`, bytes(addr), { lease })] }, own),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
  }
}

const textOf = (value: Uint8Array): string => Buffer.from(value).toString("utf8");

function note(found: Map<string, string>, { type, kv }: Event): void {
  if (kv === undefined) return;
  if (type === EventType.DELETE) found.delete(textOf(kv.key));
  else found.set(textOf(kv.key), textOf(kv.value));
}

/** What others may have written there is left out, and does not hide the rest. */
const addressesOf = (found: ReadonlyMap<string, string>): ReadonlySet<string> =>
  new Set([...found.values()].filter((addr) => parseHostPort(addr) !== undefined));
