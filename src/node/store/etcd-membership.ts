import { isAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { Mutex } from "#base/mutex.ts";
import type { StoreMember, StoreMembership } from "#manager/store-membership.ts";
import type { NodeId } from "#model/ids.ts";
import type { Timestamp } from "#model/objects.ts";
import type { EtcdCluster, EtcdMemberInfo } from "#store/etcd/cluster.ts";
import type { CurrentIdentity } from "#wire/identity.ts";
import type { JoinedStore } from "#wire/protocol.ts";

/** How long a member may be without a vote before it is given up: etcd takes in one at a time, others may wait. */
const LEARNER_LIMIT_MS = 30_000;
/** How long to wait for a member that is to be removed to hand over the lead, and between looks. */
const SUCCESSION_LIMIT_MS = 2_000;
const SUCCESSION_LOOK_MS = 50;
/** Between tries to tell the other members a new address of this one. */
const RETRY_MS = 1_000;
/** Between looks which member leads. */
const LEAD_LOOK_MS = 500;

interface Deps {
  readonly cluster: EtcdCluster;
  readonly clock: Clock;
  readonly log: Logger;
  readonly identity: CurrentIdentity;
  readonly dataKey: Uint8Array;
}

/** The managers' etcd as a set of managers: a member's name is the id of its manager's node. */
export class EtcdMembership implements StoreMembership {
  readonly #deps: Deps;
  /** etcd makes one change of its members after the other; of two that meet, it may answer one never. */
  readonly #changes = new Mutex();
  /** Members without a vote, and since when they are known to be so. */
  readonly #learners = new Map<string, Timestamp>();
  #isLeader = false;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Whether this manager's member leads the others: kept up to date by `watchLead`. */
  get isLeader(): boolean {
    return this.#isLeader;
  }

  add(nodeId: NodeId, peerUrl: string, signal: AbortSignal): Promise<JoinedStore> {
    return this.#changes.run(() => this.#add(nodeId, peerUrl, signal));
  }

  promote(nodeId: NodeId, signal: AbortSignal): Promise<void> {
    return this.#changes.run(() => this.#promote(nodeId, signal));
  }

  remove(nodeId: NodeId, signal: AbortSignal): Promise<void> {
    return this.#changes.run(() => this.#remove(nodeId, signal));
  }

  async #add(nodeId: NodeId, peerUrl: string, signal: AbortSignal): Promise<JoinedStore> {
    const { cluster } = this.#deps;
    const known = await cluster.members(signal);
    const own = known.find((member) => member.name === nodeId || member.peerUrls.includes(peerUrl));
    if (own !== undefined && mayStay(own, nodeId)) return this.#joined(known, own);
    // What was at this address, or had this name and no vote, has lost its data: it comes back as another member.
    if (own !== undefined) await cluster.remove(own.id, signal);
    await this.#giveUpLearner(known, nodeId, signal);
    const { member, members } = await cluster.addLearner(peerUrl, signal);
    this.#learners.set(member.id, this.#deps.clock.now());
    this.#deps.log.info({ nodeId, peerUrl }, "manager added to the shared store");
    return this.#joined(members, member);
  }

  async #promote(nodeId: NodeId, signal: AbortSignal): Promise<void> {
    const { cluster, log } = this.#deps;
    const member = (await cluster.members(signal)).find(({ name }) => name === nodeId);
    if (member === undefined) throw new FlotillaError("unavailable", "the new member of the store has not started yet");
    if (!member.isLearner) return;
    await cluster.promote(member.id, signal);
    this.#learners.delete(member.id);
    log.info({ nodeId }, "manager has a vote in the shared store");
    await this.#shareTheLead(member.id, signal).catch((err: unknown) => log.debug({ err }, "etcd's lead stays here"));
  }

  async #remove(nodeId: NodeId, signal: AbortSignal): Promise<void> {
    const { cluster, log } = this.#deps;
    const member = (await cluster.members(signal)).find(({ name }) => name === nodeId);
    if (member === undefined) return;
    if (nodeId === this.#deps.identity.current.nodeId) await this.stepAside(undefined, signal);
    else await this.#waitForSuccessor(member.id, signal);
    await cluster.remove(member.id, signal);
    log.info({ nodeId }, "manager removed from the shared store");
  }

  /**
   * Has another member lead etcd, when this one does: a leader that is removed leaves the others without one until they
   * have noticed.
   * @param leader who leads the cluster, and had better not lead etcd as well: see `LeadershipDeps.storeLeads`.
   */
  async stepAside(leader: NodeId | undefined, signal: AbortSignal): Promise<void> {
    const { cluster, log } = this.#deps;
    const { leaderId, memberId } = await cluster.status(signal);
    if (leaderId !== memberId) return;
    const others = (await cluster.members(signal)).filter(({ id, isLearner }) => id !== memberId && !isLearner);
    const heir = others.find(({ name }) => name !== leader) ?? others[0];
    if (heir === undefined) return;
    await cluster.handOver(heir.id, signal);
    log.info({ to: heir.name }, "another manager's etcd leads now");
  }

  async list(signal: AbortSignal): Promise<readonly StoreMember[]> {
    const members = await this.#deps.cluster.members(signal);
    return members.flatMap(({ name, isLearner }) => (name === "" ? [] : [{ nodeId: name, isVoter: !isLearner }]));
  }

  /** Keeps knowing whether this manager's member leads. Runs until `signal` aborts. */
  async watchLead(signal: AbortSignal): Promise<never> {
    const { cluster, clock } = this.#deps;
    for (;;) {
      try {
        const { leaderId, memberId } = await cluster.status(signal);
        this.#isLeader = leaderId === memberId;
      } catch (err) {
        if (isAbort(err, signal)) throw err;
        this.#isLeader = false;
      }
      await clock.sleep(LEAD_LOOK_MS, signal);
    }
  }

  /** Tells the other members when this one is to be reached elsewhere than they know. */
  async keepAddress(peerUrl: string, signal: AbortSignal): Promise<void> {
    const { cluster, identity, clock, log } = this.#deps;
    for (;;) {
      try {
        const own = (await cluster.members(signal)).find(({ name }) => name === identity.current.nodeId);
        if (own?.peerUrls.includes(peerUrl)) return;
        if (own !== undefined) {
          log.info({ peerUrl }, "this manager has another address now");
          await cluster.update(own.id, [peerUrl], signal);
        }
      } catch (err) {
        signal.throwIfAborted();
        log.warn({ err }, "the other managers do not know this one's address yet");
      }
      await clock.sleep(RETRY_MS, signal);
    }
  }

  /**
   * The first manager leads the cluster, and its etcd has led so far: the second etcd takes that over, while nobody else
   * writes yet. See `LeadershipDeps.storeLeads`.
   */
  async #shareTheLead(newcomerId: string, signal: AbortSignal): Promise<void> {
    const { cluster } = this.#deps;
    const voters = (await cluster.members(signal)).filter(({ isLearner }) => !isLearner);
    const { leaderId, memberId } = await cluster.status(signal);
    if (voters.length === 2 && leaderId === memberId) await cluster.handOver(newcomerId, signal);
  }

  /** The manager that is removed knows of it, and has another member lead (see `stepAside`); one that is dead leads nothing. */
  async #waitForSuccessor(id: string, signal: AbortSignal): Promise<void> {
    const { cluster, clock } = this.#deps;
    for (let waitedMs = 0; waitedMs < SUCCESSION_LIMIT_MS; waitedMs += SUCCESSION_LOOK_MS) {
      if ((await cluster.status(signal)).leaderId !== id) return;
      await clock.sleep(SUCCESSION_LOOK_MS, signal);
    }
  }

  /** A manager that was added and never came must not keep all others out. */
  async #giveUpLearner(known: readonly EtcdMemberInfo[], nodeId: NodeId, signal: AbortSignal): Promise<void> {
    const { cluster, clock, log } = this.#deps;
    const learner = known.find((member) => member.isLearner && member.name !== nodeId);
    if (learner === undefined) return;
    const since = this.#learners.get(learner.id) ?? clock.now();
    this.#learners.set(learner.id, since);
    if (clock.now() - since < LEARNER_LIMIT_MS) return;
    log.warn({ member: learner.name || learner.peerUrls[0] }, "manager given up: it did not catch up in time");
    await cluster.remove(learner.id, signal);
  }

  #joined(members: readonly EtcdMemberInfo[], own: EtcdMemberInfo): JoinedStore {
    return {
      dataKey: Buffer.from(this.#deps.dataKey).toString("base64"),
      members: members.map(({ name, peerUrls }) => ({ name, peerUrls })),
      memberId: own.id,
    };
  }
}

/** A member with a vote has its data; one that was never started has none to lose. */
const mayStay = (member: EtcdMemberInfo, nodeId: NodeId): boolean =>
  member.isLearner ? member.name === "" : member.name === nodeId;
