import { aborted } from "#base/abort.ts";
import { errorCode, FlotillaError } from "#base/errors.ts";
import { sealedCodec } from "#store/codec.ts";
import type { EtcdTls, ForeignEtcd } from "#store/etcd/endpoint.ts";
import { openEtcdStore } from "#store/etcd/store.ts";
import type { Store } from "#store/store.ts";
import type { ManagerStore, ManagerStoreDeps } from "./manager-store.ts";

type Deps = Pick<ManagerStoreDeps, "clock" | "random" | "log" | "keys">;

/** An etcd that users run themselves, as the daemon's command line names it. */
export interface ForeignStore extends ForeignEtcd {
  readonly tls?: EtcdTls;
}

/**
 * For a new cluster.
 * @throws FlotillaError `exists` when another cluster's state is there.
 */
export async function openEmptyStore(deps: Deps, foreign: ForeignStore, signal: AbortSignal): Promise<Store> {
  const taken = (cause?: unknown) =>
    new FlotillaError(
      "exists",
      `${foreign.addresses.join(",")} has the state of a swarm: choose another prefix (--store etcd://…/PREFIX)`,
      { cause },
    );
  const store = await connectForeignStore(deps, foreign, signal).catch((err: unknown) => {
    throw errorCode(err) === "internal" ? taken(err) : err;
  });
  if ((await store.list("cluster", signal)).length === 0) return store;
  await store[Symbol.asyncDispose]();
  throw taken();
}

/** @throws FlotillaError `unavailable` when it cannot be reached. */
function connectForeignStore(
  { clock, random, log, keys }: Deps,
  { addresses, prefix, tls }: ForeignStore,
  signal: AbortSignal,
): Promise<Store> {
  if (keys.dataKey === undefined) throw new FlotillaError("internal", "a manager's keys are missing");
  const endpoint = { addresses, ...(tls && { tls }) };
  const codec = sealedCodec(keys.dataKey, random);
  return openEtcdStore({ endpoint, prefix, codec, clock, random, log }, signal);
}

/**
 * Opens the store of a cluster whose state is in an etcd that users run: who takes part in that is not ours to say.
 * @throws FlotillaError `precondition` when the daemon was not told where it is.
 */
export async function openForeignStore(
  deps: ManagerStoreDeps,
  foreign: ForeignStore | undefined,
  signal: AbortSignal,
): Promise<ManagerStore> {
  if (foreign === undefined) {
    throw new FlotillaError(
      "precondition",
      "this swarm's state is in an etcd that its users run: start the daemon with --store etcd://HOST:PORT",
    );
  }
  const store = await connectForeignStore(deps, foreign, signal);
  deps.state.update({ store: "foreign etcd" });
  const dataKey = Buffer.from(deps.keys.dataKey ?? []).toString("base64");
  return {
    store,
    membership: {
      add: async () => ({ dataKey, members: [], memberId: "" }),
      promote: async () => undefined,
      remove: async () => undefined,
      list: async () => [],
    },
    isLeader: false,
    run: aborted,
    stepAside: async () => undefined,
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
