import type { NodeId } from "#model/ids.ts";
import type { Revision, Task, Timestamp } from "#model/objects.ts";
import type { ClusterSpec, ConfigSpec, NetworkSpec, NodeSpec, SecretSpec, ServiceSpec } from "#model/spec.ts";
import type { View } from "#model/view.ts";
import type { Commit } from "#store/store.ts";
import type { LogMessage, LogOptions } from "#wire/protocol.ts";
import type { Explanation } from "./why/explanation.ts";

/** Registry credentials of a request: the `X-Registry-Auth` header, base64, when it was sent. */
export interface ServiceOptions {
  readonly registryAuth?: string;
}

export interface ServiceUpdateOptions extends ServiceOptions {
  /** Whose stored credentials to keep when the request carries none. */
  readonly registryAuthFrom: "spec" | "previous-spec";
  /** Swap the spec with the previous one instead of taking the request's. */
  readonly rollback: boolean;
}

export interface ClusterRotation {
  readonly workerToken: boolean;
  readonly managerToken: boolean;
  readonly unlockKey: boolean;
}

/** Whose logs: any of these. */
export interface LogSelector {
  readonly serviceIds: readonly string[];
  readonly taskIds: readonly string[];
}

/** A log line with the task it belongs to, resolved. */
export interface ClusterLogMessage extends LogMessage {
  readonly serviceId: string;
  readonly nodeId: string;
}

/**
 * What the Engine API asks of a manager. Ids are full ids (`api/` resolves names and prefixes against the view). Specs
 * are the request's JSON: whatever a client can send, validated here.
 *
 * Every write resolves when it is durable and this manager's view shows it. Errors carry Docker's message texts; their
 * codes map to Docker's status codes.
 */
export interface Control {
  readonly view: View;
  /**
   * Why nothing can be written at present, and what to do about it; undefined while all is well. The view shows what was
   * known last.
   */
  readonly problem: string | undefined;
  /**
   * Resolves when the view shows every write that any manager's client was told of before the call.
   * @throws FlotillaError `unavailable` when the store cannot be asked.
   */
  caughtUp(signal: AbortSignal): Promise<void>;
  /** Every commit from now on, in order: the source of `/events`. Subscribes at once. */
  commits(signal: AbortSignal): AsyncIterable<Commit>;
  /** Whether the task is as its service's present spec wants it: the updater's own test. False without a service. */
  isUpToDate(task: Task): boolean;
  /**
   * Why the service, task or node of this name (or id, or beginning of one) is as it is, and what to do.
   * @throws FlotillaError `not_found`; `invalid` when the name is ambiguous.
   */
  why(name: string): Explanation;

  createService(spec: ServiceSpec, options: ServiceOptions, signal: AbortSignal): Promise<Created>;
  updateService(
    id: string,
    version: Revision,
    spec: ServiceSpec,
    options: ServiceUpdateOptions,
    signal: AbortSignal,
  ): Promise<{ readonly warnings: readonly string[] }>;
  removeService(id: string, signal: AbortSignal): Promise<void>;

  createSecret(spec: SecretSpec, signal: AbortSignal): Promise<string>;
  updateSecret(id: string, version: Revision, spec: SecretSpec, signal: AbortSignal): Promise<void>;
  removeSecret(id: string, signal: AbortSignal): Promise<void>;

  createConfig(spec: ConfigSpec, signal: AbortSignal): Promise<string>;
  updateConfig(id: string, version: Revision, spec: ConfigSpec, signal: AbortSignal): Promise<void>;
  removeConfig(id: string, signal: AbortSignal): Promise<void>;

  /**
   * The network has its id at once, and its subnet a moment later. If there is none to be had, the object says why.
   * @throws FlotillaError `invalid` for a subnet that overlaps with another network or with a route of a host.
   */
  createNetwork(spec: NetworkSpec, signal: AbortSignal): Promise<string>;
  removeNetwork(id: string, signal: AbortSignal): Promise<void>;
  /** Single containers are known on networks by their names: a node's container `from` is called `to` from now on. */
  renameAttached(nodeId: NodeId, from: string, to: string, signal: AbortSignal): Promise<void>;

  updateNode(id: string, version: Revision, spec: NodeSpec, signal: AbortSignal): Promise<void>;
  removeNode(id: string, force: boolean, signal: AbortSignal): Promise<void>;
  /** Notes that these nodes could not be told of tags that mean other images now. */
  tagsMissed(nodeIds: readonly string[], signal: AbortSignal): Promise<void>;
  /** Takes the note back, unless it is newer than `since`: a node's `missedTagsAt`. */
  tagsCaught(nodeId: string, since: Timestamp, signal: AbortSignal): Promise<void>;

  updateCluster(version: Revision, spec: ClusterSpec, rotate: ClusterRotation, signal: AbortSignal): Promise<void>;
  /** `SWMKEY-1-…`, or "" while autolock is off. */
  unlockKey(): string;

  /**
   * Log lines as they arrive, in order within each task. Ends when every task is read to its end (or never, with
   * `follow`); what could not be read is thrown at the end as one `unavailable` error that says which and why.
   */
  logs(selector: LogSelector, options: LogOptions, signal: AbortSignal): AsyncIterable<ClusterLogMessage>;
}

export interface Created {
  readonly id: string;
  readonly warnings: readonly string[];
}
