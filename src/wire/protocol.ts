import type { NodeId, TaskId } from "#model/ids.ts";
import type { NetworkObject } from "#model/node-network.ts";
import type { Config, Secret, Task, TaskStatus } from "#model/objects.ts";
import type { NodeAvailability, NodeDescription, NodeRole, NodeSpec } from "#model/spec.ts";

/** Who calls, as its certificate proves. */
export interface Caller {
  readonly nodeId: NodeId;
  readonly role: NodeRole;
  /** The IP address that the call came from. */
  readonly addr: string;
}

/** The first and every later word of a manager to an agent's session. */
export interface SessionMessage {
  readonly sessionId: string;
  readonly node: { readonly id: NodeId; readonly spec: NodeSpec; readonly role: NodeRole };
  /** Managers that the agent may use instead of this one: all of them, those that are alive first. */
  readonly managers: readonly KnownManager[];
  /** PEM bundle of the roots to trust; changes while the root is rotated. */
  readonly trustRoot: string;
  /** Set when the node's certificate should be renewed at once (role change or root rotation). */
  readonly renewCertificate: boolean;
}

/** A manager, as agents are told of it. */
export interface KnownManager {
  readonly nodeId: NodeId;
  /** `host:port`. */
  readonly addr: string;
  /** Whether it was alive when this was written. One that is not may come back. */
  readonly live: boolean;
}

/** An object that a node needs: its tasks, with their secrets and configs, their networks and who else is on those. */
export type Assignable = Task | Secret | Config | NetworkObject;

export type AssignmentChange =
  | { readonly type: "update"; readonly object: Assignable }
  | { readonly type: "remove"; readonly kind: Assignable["kind"]; readonly id: string };

/**
 * Assignments come as one complete set, then as differences. Secrets and configs come before the tasks that use them.
 * An agent that does not hold `appliesTo` has missed something: it opens a new session.
 */
export interface AssignmentMessage {
  readonly type: "complete" | "incremental";
  readonly appliesTo: string;
  readonly resultsIn: string;
  readonly changes: readonly AssignmentChange[];
}

export interface AttachRequest {
  /** Id or name. */
  readonly network: string;
  readonly containerName: string;
  readonly aliases: readonly string[];
  /** The address that the user asked for. */
  readonly address?: string;
}

/** Once it has this, the node is (or will soon be) told of the task and of the network. */
export interface AttachedNetwork {
  /** The attachment's task. */
  readonly taskId: TaskId;
  readonly networkId: string;
  readonly address: string;
}

/** An image that a task of the calling node needs. */
export interface ImageRequest {
  /** The task's own name for it. */
  readonly image: string;
  /** Whether it could not be pulled. Before that, only an image is wanted which no registry has. */
  readonly pullFailed: boolean;
}

/** How far an image on its way to a node is. */
export interface ImageProgress {
  /** The name of the host that it comes from. */
  readonly from: string;
  readonly sentBytes: number;
  /** An estimate at first. */
  readonly totalBytes: number;
}

export interface StatusUpdate {
  readonly taskId: TaskId;
  readonly status: TaskStatus;
}

export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  /** Lines from the end; undefined for all. */
  readonly tail?: number;
  /** Only lines after this time: RFC 3339 or seconds (with a fraction) since the epoch, as the engine takes it. */
  readonly since?: string;
}

/** Asks an agent for the logs of tasks that it runs; `close` takes the question back. */
export interface LogSubscription {
  readonly id: string;
  readonly close: boolean;
  readonly options: LogOptions;
  /** The tasks whose logs are wanted; a follower's list grows by further messages with the same id. */
  readonly taskIds: readonly TaskId[];
}

export interface LogMessage {
  readonly taskId: TaskId;
  readonly stream: "stdout" | "stderr";
  /** RFC 3339 with nine digits of fraction, as the engine wrote it. */
  readonly timestamp: string;
  readonly data: Uint8Array;
  /** The log driver's extra attributes (`--log-opt labels`, `env`, `tag`), URL-escaped pairs. */
  readonly details?: string;
}

/** What an agent publishes for a subscription: lines, then, for each task that is through, its end. */
export interface LogBatch {
  readonly subscriptionId: string;
  readonly messages: readonly LogMessage[];
  /** Tasks whose log has been read to its end, with the error that ended it early. */
  readonly ended: readonly { readonly taskId: TaskId; readonly err?: string }[];
}

/**
 * What an agent may ask of a manager. `manager/` implements it; `wire/` carries it over Connect; the simulation carries
 * it over a network of its own. Each call says who calls.
 *
 * Errors: `not_found` when the node is not (or no longer) known, `invalid` for a session that was replaced,
 * `unavailable` when the caller should try again or elsewhere, `forbidden` for a task of another node.
 */
export interface AgentService {
  /** Registers the node. The stream lasts as long as the session; its end means: register again. */
  session(caller: Caller, description: NodeDescription, signal: AbortSignal): AsyncIterable<SessionMessage>;
  /** A changed description of the node, within a session. */
  describe(caller: Caller, sessionId: string, description: NodeDescription, signal: AbortSignal): Promise<void>;
  /** Says that the node lives. @returns milliseconds until the next beat is due. */
  heartbeat(caller: Caller, sessionId: string, signal: AbortSignal): Promise<number>;
  assignments(caller: Caller, sessionId: string, signal: AbortSignal): AsyncIterable<AssignmentMessage>;
  updateTaskStatus(
    caller: Caller,
    sessionId: string,
    updates: readonly StatusUpdate[],
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Says that the node's kernel and names are as the assignments up to and including `resultsIn` want them. Sent for
   * messages with network objects in them; managers wait for it before they stop a task that others may still call.
   */
  networksApplied(caller: Caller, sessionId: string, resultsIn: string, signal: AbortSignal): Promise<void>;
  /**
   * Gives a container of the calling node, which no service made, a place on an attachable network.
   * @throws FlotillaError `not_found`, `forbidden` for a network that is not attachable, `invalid` for an address that is
   * not free or not in its subnet.
   */
  attachNetwork(caller: Caller, request: AttachRequest, signal: AbortSignal): Promise<AttachedNetwork>;
  /** Takes the place back; no error when it is gone. */
  detachNetwork(caller: Caller, taskId: TaskId, signal: AbortSignal): Promise<void>;
  /**
   * Brings an image from another host to the calling node, and ends when it is there; at once, when it was there before
   * and is the one that the cluster means.
   * @throws FlotillaError `forbidden` when none of the node's tasks names it, `not_found` when no other host has it, or is
   * to give it before it was pulled.
   */
  bringImage(caller: Caller, request: ImageRequest, signal: AbortSignal): AsyncIterable<ImageProgress>;
  logSubscriptions(caller: Caller, signal: AbortSignal): AsyncIterable<LogSubscription>;
  publishLogs(caller: Caller, batches: AsyncIterable<LogBatch>, signal: AbortSignal): Promise<void>;
}

/** The same, as an agent sees it over its own connection. */
export type ManagerConnection = {
  readonly [M in keyof AgentService]: AgentService[M] extends (caller: Caller, ...rest: infer A) => infer R
    ? (...rest: A) => R
    : never;
};

/** What a daemon may ask of a manager before it has a certificate, or to renew the one it has. */
export interface CertificateService {
  /** PEM of the root, to be compared with the join token's digest. */
  rootCertificate(signal: AbortSignal): Promise<string>;
  /**
   * Asks for a certificate: with a join token for a new node, or as a known caller to renew.
   * @throws FlotillaError `invalid` for a wrong token, `forbidden` for a node that was removed.
   */
  issue(caller: Caller | undefined, request: CertificateRequest, signal: AbortSignal): Promise<CertificateResponse>;
}

export interface CertificateRequest {
  /** PEM, PKCS #10. */
  readonly csr: string;
  readonly token?: string;
  readonly availability?: NodeAvailability;
}

export interface CertificateResponse {
  readonly nodeId: NodeId;
  readonly role: NodeRole;
  /** PEM: the certificate, then intermediates. */
  readonly chain: string;
  /** PEM bundle of the roots to trust. */
  readonly trustRoot: string;
  readonly clusterId: string;
}

/** What a manager needs to take part in the store that all managers share. */
export interface JoinedStore {
  /** Base64: what values in the store are sealed under. */
  readonly dataKey: string;
  /** All members, the caller's own among them. Empty when the store is one that users run themselves. */
  readonly members: readonly StorePeer[];
  /** Of the caller's own member; "" when the store is one that users run themselves. */
  readonly memberId: string;
}

export interface StorePeer {
  /** The id of the manager's node; "" until the member has been started for the first time. */
  readonly name: string;
  /** Where other members reach it: `https://host:port`. */
  readonly peerUrls: readonly string[];
}

/** What a manager asks another to pass on to one of its nodes. */
export interface RelayedSubscription {
  readonly nodeId: NodeId;
  readonly subscription: LogSubscription;
}

/** What a manager passes on for another: which of its nodes can be asked, and what they answer. */
export type RelayedLogs =
  | { readonly type: "came"; readonly nodeIds: readonly NodeId[] }
  | { readonly type: "left"; readonly nodeIds: readonly NodeId[] }
  | { readonly type: "batch"; readonly nodeId: NodeId; readonly batch: LogBatch };

/**
 * What managers ask of each other. Only for managers, as their certificate and the present role of their node say.
 *
 * Errors: `forbidden` for a node that is no manager (any more), `unavailable` when the caller should try again or
 * elsewhere.
 */
export interface PeerService {
  /**
   * Makes the caller a member of the managers' store that does not vote yet: it has to catch up first. To be asked again
   * after a failure: a member stays what it is.
   * @param peerUrl where the other members will reach the caller's: `https://host:port`.
   */
  joinStore(caller: Caller, request: { readonly peerUrl: string }, signal: AbortSignal): Promise<JoinedStore>;
  /**
   * Gives the caller's member its vote. No error when it has one.
   * @throws FlotillaError `unavailable` while it is too far behind: ask again.
   */
  memberReady(caller: Caller, signal: AbortSignal): Promise<void>;
  /**
   * Passes subscriptions on to agents that have their session here, and their answers back. The first message names the
   * nodes that are here; the stream lasts until `subscriptions` ends.
   */
  relayLogs(
    caller: Caller,
    subscriptions: AsyncIterable<RelayedSubscription>,
    signal: AbortSignal,
  ): AsyncIterable<RelayedLogs>;
}

/** The same, as another manager sees it over its own connection. */
export type PeerConnection = {
  readonly [M in keyof PeerService]: PeerService[M] extends (caller: Caller, ...rest: infer A) => infer R
    ? (...rest: A) => R
    : never;
};
