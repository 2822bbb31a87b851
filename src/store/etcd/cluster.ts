import type { Clock } from "#base/clock.ts";
import { errorCode, FlotillaError } from "#base/errors.ts";
import { EtcdClient, type EtcdWork } from "./client.ts";
import type { EtcdEndpoint } from "./endpoint.ts";
import { AlarmRequest_AlarmAction as Action, AlarmType, type Member } from "./generated/etcdserverpb/rpc_pb.ts";

/** A change of the membership waits for a majority, and for the leader where one has just been elected. */
const CHANGE_TIMEOUT_MS = 5_000;
/** A member that makes its file smaller does nothing else meanwhile: a few seconds for each gigabyte. */
const DEFRAGMENT_TIMEOUT_MS = 60_000;

/** A member of etcd. */
export interface EtcdMemberInfo {
  /** etcd's own, in hexadecimal digits. */
  readonly id: string;
  /** Empty until it was first started. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  /** Has no vote yet. */
  readonly isLearner: boolean;
}

export interface AddedMember {
  readonly member: EtcdMemberInfo;
  /** All there are now, this one too. */
  readonly members: readonly EtcdMemberInfo[];
}

/** What the member that was asked says of itself. */
export interface EtcdStatus {
  readonly memberId: string;
  readonly version: string;
  /** The member that leads, as this one knows it. */
  readonly leaderId: string | undefined;
  readonly isLearner: boolean;
  /** etcd's own revision, which is not the store's. */
  readonly revision: bigint;
  /** The size of its file, and what of that is in use. */
  readonly fileBytes: number;
  readonly usedBytes: number;
  /** What it complains of. */
  readonly errors: readonly string[];
}

export interface EtcdAlarm {
  readonly memberId: string;
  /** Its file has reached the quota: it takes no writes until this is disarmed. */
  readonly type: "no space" | "corrupt";
}

/**
 * The members of an etcd and their state of health, asked of one of them. Everything throws FlotillaErrors, of which
 * `unavailable` says that the same may succeed later.
 */
export class EtcdCluster implements Disposable {
  readonly #client: EtcdClient;

  constructor(endpoint: EtcdEndpoint, clock: Clock) {
    this.#client = new EtcdClient(endpoint, clock);
  }

  /** As the member that is asked knows them. */
  async members(signal: AbortSignal): Promise<readonly EtcdMemberInfo[]> {
    const { members } = await this.#client.call(
      { what: "asking for the members of the store", alone: true },
      signal,
      (member, options) => member.cluster.memberList({}, options),
    );
    return members.map(memberInfo);
  }

  /**
   * Adds a member that has no vote until it is promoted. No error when it has been added before.
   * @throws FlotillaError `unavailable` while another one has no vote, or the members do not answer.
   */
  async addLearner(peerUrl: string, signal: AbortSignal): Promise<AddedMember> {
    try {
      const { member, members } = await this.#change("adding a member to the store", signal, (services, options) =>
        services.cluster.memberAdd({ peerURLs: [peerUrl], isLearner: true }, options),
      );
      if (member) return { member: memberInfo(member), members: members.map(memberInfo) };
    } catch (err) {
      if (errorCode(err) !== "exists") throw err;
    }
    const members = await this.members(signal);
    const member = members.find(({ peerUrls }) => peerUrls.includes(peerUrl));
    if (member) return { member, members };
    throw new FlotillaError("unavailable", `the store has not yet heard of its new member at ${peerUrl}`);
  }

  /**
   * Gives a member its vote. No error when it has one.
   * @throws FlotillaError `unavailable` while it is too far behind; `not_found` when there is no such member.
   */
  async promote(id: string, signal: AbortSignal): Promise<void> {
    const ID = parseId(id);
    await this.#change("giving a member of the store its vote", signal, (services, options) =>
      services.cluster.memberPromote({ ID }, options),
    ).catch(unless("exists"));
  }

  /** Takes a member out. No error when there is none. */
  async remove(id: string, signal: AbortSignal): Promise<void> {
    const ID = parseId(id);
    await this.#change("taking a member out of the store", signal, (services, options) =>
      services.cluster.memberRemove({ ID }, options),
    ).catch(unless("not_found"));
  }

  /** Tells the others where a member is from now on. */
  async update(id: string, peerUrls: readonly string[], signal: AbortSignal): Promise<void> {
    const ID = parseId(id);
    await this.#change("changing the address of a member of the store", signal, (services, options) =>
      services.cluster.memberUpdate({ ID, peerURLs: [...peerUrls] }, options),
    );
  }

  /** Has another member lead. @throws FlotillaError when the member that is asked does not lead itself. */
  async handOver(toId: string, signal: AbortSignal): Promise<void> {
    const targetID = parseId(toId);
    await this.#change("handing over the lead of the store", signal, (services, options) =>
      services.maintenance.moveLeader({ targetID }, options),
    );
  }

  async status(signal: AbortSignal): Promise<EtcdStatus> {
    const answer = await this.#client.call(
      { what: "asking for the state of the store", alone: true },
      signal,
      (member, options) => member.maintenance.status({}, options),
    );
    const { header, version, leader, isLearner, dbSize, dbSizeInUse, errors } = answer;
    return {
      memberId: formatId(header?.memberId ?? 0n),
      version,
      leaderId: leader === 0n ? undefined : formatId(leader),
      isLearner,
      revision: header?.revision ?? 0n,
      fileBytes: Number(dbSize),
      usedBytes: Number(dbSizeInUse),
      errors,
    };
  }

  /** Forgets all history before `revision`, which is etcd's own. No error when that is forgotten already. */
  async compact(revision: bigint, signal: AbortSignal): Promise<void> {
    await this.#client
      .call({ what: "compacting the store's history" }, signal, (member, options) =>
        member.kv.compact({ revision }, options),
      )
      .catch(unless("not_found"));
  }

  /** Gives back the room that the file of the member does not use. It answers nothing else until that is done. */
  async defragment(signal: AbortSignal): Promise<void> {
    const terms = { what: "making the store's file smaller", ms: DEFRAGMENT_TIMEOUT_MS, alone: true };
    await this.#client.call(terms, signal, (member, options) => member.maintenance.defragment({}, options));
  }

  async alarms(signal: AbortSignal): Promise<readonly EtcdAlarm[]> {
    const { alarms } = await this.#client.call({ what: "asking for the store's alarms" }, signal, (member, options) =>
      member.maintenance.alarm({ action: Action.GET, alarm: AlarmType.NONE }, options),
    );
    return alarms.map(({ memberID, alarm }) => ({
      memberId: formatId(memberID),
      type: alarm === AlarmType.CORRUPT ? "corrupt" : "no space",
    }));
  }

  /** Lets a member take writes again. Without effect when its file has not become smaller. */
  async disarm({ memberId, type }: EtcdAlarm, signal: AbortSignal): Promise<void> {
    const alarm = type === "corrupt" ? AlarmType.CORRUPT : AlarmType.NOSPACE;
    await this.#client.call({ what: "disarming the store's alarm" }, signal, (member, options) =>
      member.maintenance.alarm({ action: Action.DEACTIVATE, memberID: parseId(memberId), alarm }, options),
    );
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }

  #change<T>(what: string, signal: AbortSignal, work: EtcdWork<T>): Promise<T> {
    return this.#client.call({ what, ms: CHANGE_TIMEOUT_MS }, signal, work);
  }
}

const formatId = (id: bigint): string => id.toString(16);
const parseId = (id: string): bigint => BigInt(`0x${id}`);

const memberInfo = ({ ID, name, peerURLs, isLearner }: Member): EtcdMemberInfo => ({
  id: formatId(ID),
  name,
  peerUrls: peerURLs,
  isLearner,
});

const unless =
  (code: ReturnType<typeof errorCode>) =>
  (err: unknown): void => {
    if (errorCode(err) !== code) throw err;
  };
