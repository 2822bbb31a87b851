import { rm } from "node:fs/promises";
import { aborted, LinkedAbort } from "#base/abort.ts";
import { FlotillaError } from "#base/errors.ts";
import { Mutex } from "#base/mutex.ts";
import type { StoreMembership } from "#manager/store-membership.ts";
import type { NodeId } from "#model/ids.ts";
import type { Revision } from "#model/objects.ts";
import { renderHostPort } from "#node/addresses.ts";
import { namesAddress } from "#node/certified-address.ts";
import { ownStoreFiles } from "#node/paths.ts";
import { sealedCodec } from "#store/codec.ts";
import { migrate } from "#store/migrate.ts";
import { openSqliteStore } from "#store/sqlite.ts";
import { SwitchableStore } from "#store/switchable.ts";
import type { ManagerStore, ManagerStoreDeps } from "./manager-store.ts";
import { openSharedStore } from "./shared-store.ts";

/** How far revisions are ahead after the move: more than can be committed while it lasts. */
const REVISION_LEAP = 1_000_000;

/** The store of a manager that is alone: a file. It becomes one that can be shared when a second manager wants to join. */
export async function openOwnStore(deps: ManagerStoreDeps, signal: AbortSignal): Promise<ManagerStore> {
  const { keys, random, paths } = deps;
  if (keys.dataKey === undefined) throw new FlotillaError("internal", "a manager's keys are missing");
  const file = await openSqliteStore(paths.store, sealedCodec(keys.dataKey, random), { reserveLog: true });
  return new OwnStore(deps, new SwitchableStore(file), signal);
}

class OwnStore implements ManagerStore {
  readonly store: SwitchableStore;
  readonly membership: StoreMembership;
  readonly #deps: ManagerStoreDeps;
  readonly #signal: AbortSignal;
  readonly #sharing = new Mutex();
  readonly #isShared = Promise.withResolvers<ManagerStore>();
  #shared: ManagerStore | undefined;

  constructor(deps: ManagerStoreDeps, store: SwitchableStore, signal: AbortSignal) {
    this.#deps = deps;
    this.store = store;
    this.#signal = signal;
    const own = { nodeId: deps.identity.current.nodeId, isVoter: true };
    this.membership = {
      add: async (nodeId, peerUrl, stop) => (await this.#share()).membership.add(nodeId, peerUrl, stop),
      promote: async (nodeId, stop) => this.#shared?.membership.promote(nodeId, stop),
      remove: async (nodeId, stop) => this.#shared?.membership.remove(nodeId, stop),
      list: async (stop) => (this.#shared === undefined ? [own] : await this.#shared.membership.list(stop)),
    };
  }

  get isLeader(): boolean {
    return this.#shared?.isLeader ?? false;
  }

  async run(signal: AbortSignal): Promise<void> {
    const shared = await Promise.race([this.#isShared.promise, aborted(signal)]);
    await shared?.run(signal);
  }

  async stepAside(leader: NodeId | undefined, signal: AbortSignal): Promise<void> {
    await this.#shared?.stepAside(leader, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    await this.#shared?.[Symbol.asyncDispose]();
  }

  /** Moves everything into an etcd of one member. What fails leaves the file in force, and is tried anew at the next call. */
  #share(): Promise<ManagerStore> {
    return this.#sharing.run(async () => {
      if (this.#shared !== undefined) return this.#shared;
      this.#checkCertificate();
      const { paths, state, log, clock } = this.#deps;
      log.info({}, "a second manager wants to join: moving the cluster's state to etcd");
      const startedAt = clock.now();
      await using owned = new AsyncDisposableStack();
      const shared = owned.use(await openSharedStore(this.#deps, { type: "alone" }, await this.#base(), this.#signal));
      await migrate(this.store, shared.store, async () => state.update({ store: "etcd" }), this.#signal);
      owned.move();
      for (const path of ownStoreFiles(paths)) await rm(path, { force: true });
      log.info({ ms: clock.now() - startedAt }, "the cluster's state is in etcd");
      this.#shared = shared;
      this.#isShared.resolve(shared);
      return shared;
    });
  }

  /** A revision that this store will not have reached when its objects have been copied. */
  async #base(): Promise<Revision> {
    using watching = new LinkedAbort(this.#signal);
    const { revision } = await this.store.watch(watching.signal);
    watching.abort(new Error("the revision is known"));
    return revision + REVISION_LEAP;
  }

  /** @throws FlotillaError `unavailable` while this node's certificate is one that the other members would refuse. */
  #checkCertificate(): void {
    const { identity, advertise, renewNow } = this.#deps;
    if (namesAddress(identity.current, renderHostPort(advertise))) return;
    renewNow();
    throw new FlotillaError("unavailable", "this manager gets a new certificate first: try again in a moment");
  }
}
