import { aborted } from "#base/abort.ts";
import { errorCode, FlotillaError } from "#base/errors.ts";
import { retry } from "#base/retry.ts";
import { failureOf, TaskGroup } from "#base/task-group.ts";
import type { NodeId } from "#model/ids.ts";
import type { Revision } from "#model/objects.ts";
import type { Beginning } from "#node/etcd/arguments.ts";
import { EtcdMember, hasEtcdData } from "#node/etcd/member.ts";
import { sealedCodec } from "#store/codec.ts";
import { EtcdCluster } from "#store/etcd/cluster.ts";
import { openEtcdStore } from "#store/etcd/store.ts";
import { upkeep } from "#store/etcd/upkeep.ts";
import type { Store } from "#store/store.ts";
import { EtcdMembership } from "./etcd-membership.ts";
import { untilVoter } from "./join-store.ts";
import type { ManagerStore, ManagerStoreDeps } from "./manager-store.ts";

/** Between tries to reach this node's etcd, which takes a moment to start. */
const CONNECT = { firstMs: 50, mostMs: 1_000 } as const;
/** Between looks whether etcd has become a member. */
const LOOK_MS = 50;

/**
 * Opens the store that all managers share, by this node's own member, which is started for it.
 * @param beginning for a member that has no data yet.
 * @param base for a store that is empty so far: its revisions will be above this one.
 * @throws FlotillaError `precondition` when etcd cannot be started, or the other managers have removed this one.
 */
export async function openSharedStore(
  deps: ManagerStoreDeps,
  beginning: Beginning | undefined,
  base: Revision,
  signal: AbortSignal,
): Promise<ManagerStore> {
  const { clock, random, log, keys, state, startsOver, paths } = deps;
  const { dataKey } = keys;
  if (dataKey === undefined) throw new FlotillaError("internal", "a manager's keys are missing");
  await using owned = new AsyncDisposableStack();
  const member = owned.use(await EtcdMember.start(deps, startsOver ? { type: "sole survivor" } : beginning, signal));
  const jobs = owned.use(new TaskGroup(signal));
  jobs.spawn("etcd", (stop) => member.supervise(stop));
  jobs.spawn("etcd's certificates", (stop) => member.followIdentity(stop));
  const endpoint = { socket: member.socket };
  const cluster = owned.use(new EtcdCluster(endpoint, clock));
  const open = async (): Promise<Store> => {
    if (beginning?.type === "joining") {
      while (!hasEtcdData(paths)) await clock.sleep(LOOK_MS, jobs.signal);
      // From here on the data count: with a vote comes the duty to remember.
      state.update({ store: "etcd" });
    }
    const isNotThere = (err: unknown) => errorCode(err) !== "unavailable";
    const { isLearner } = await retry(deps, CONNECT, isNotThere, jobs.signal, () => cluster.status(jobs.signal));
    if (isLearner) await untilVoter(deps, jobs.signal);
    const codec = sealedCodec(dataKey, random);
    return await retry(deps, CONNECT, isNotThere, jobs.signal, () =>
      openEtcdStore({ endpoint, codec, clock, random, log, base }, jobs.signal),
    );
  };
  const store = owned.use(await Promise.race([open(), failure(jobs)]));
  const membership = new EtcdMembership({ ...deps, cluster, dataKey });
  jobs.spawn("address of etcd", (stop) => membership.keepAddress(member.peerUrl, stop));
  jobs.spawn("leader of etcd", (stop) => membership.watchLead(stop));
  jobs.spawn("upkeep of etcd", (stop) => upkeep({ cluster, clock, random, log }, stop));
  return new SharedStore(store, membership, jobs, owned.move());
}

class SharedStore implements ManagerStore {
  readonly store: Store;
  readonly membership: EtcdMembership;
  readonly #jobs: TaskGroup;
  readonly #owned: AsyncDisposableStack;

  constructor(store: Store, membership: EtcdMembership, jobs: TaskGroup, owned: AsyncDisposableStack) {
    this.store = store;
    this.membership = membership;
    this.#jobs = jobs;
    this.#owned = owned;
  }

  get isLeader(): boolean {
    return this.membership.isLeader;
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.race([failure(this.#jobs), aborted(signal)]);
  }

  stepAside(leader: NodeId | undefined, signal: AbortSignal): Promise<void> {
    return this.membership.stepAside(leader, signal);
  }

  /** The member goes last: what the store gives back, others get at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

/** Waits for the end of the jobs. @throws what the one that failed threw, as it is. */
async function failure(jobs: TaskGroup): Promise<never> {
  try {
    return await jobs.done();
  } catch (err) {
    throw failureOf(err);
  }
}
