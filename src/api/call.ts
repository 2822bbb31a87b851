import type { IncomingMessage, ServerResponse } from "node:http";
import { withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Mutex } from "#base/mutex.ts";
import type { Random } from "#base/random.ts";
import type { Control } from "#manager/control.ts";
import type { PlacementPolicy } from "#plan/place/policy.ts";
import type { ClusterEvents } from "./cluster-events.ts";
import type { Json } from "./convert/meta-json.ts";
import type { EngineLink } from "./engine-link.ts";
import type { AbandonedCreations } from "./engines/abandoned-creations.ts";
import type { BuildHosts } from "./engines/build/build-hosts.ts";
import type { ClusterEngines } from "./engines/cluster-engines.ts";
import type { EngineMirrors } from "./engines/engine-mirrors.ts";
import type { ExecDirectory } from "./engines/exec-directory.ts";
import type { ImageCopies } from "./engines/image-copies.ts";
import type { Placements } from "./engines/placements.ts";
import { fromManager } from "./errors.ts";
import { clusterOf } from "./follow-cluster.ts";
import type { Membership } from "./membership.ts";

/** The longest that a change of the cluster may take. Source: fact sheet 10.2. */
const MANAGER_DEADLINE_MS = 20_000;

/** What the handlers of all calls have in common. */
export interface ApiContext {
  readonly membership: Membership;
  /** That of `membership.home`. */
  readonly engine: EngineLink;
  /** What a manager without an engine of its own says of itself. */
  readonly info?: () => Json;
  readonly engines: ClusterEngines;
  readonly mirrors: EngineMirrors;
  readonly placements: Placements;
  readonly abandoned: AbandonedCreations;
  readonly execs: ExecDirectory;
  readonly copies: ImageCopies;
  /** For single containers. */
  readonly policy: PlacementPolicy;
  /** Held from the look at a network's name until it is taken. */
  readonly networkNames: Mutex;
  readonly builds: BuildHosts;
  readonly events: ClusterEvents;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** This product's own version. */
  readonly version: string;
  /** Aborts when the server stops. */
  readonly signal: AbortSignal;
}

/**
 * What a call is about: the whole cluster, as a client sees it; this node alone, when a manager calls; or the cluster, but
 * passed on by another manager, for this one to decide.
 */
export type CallScope = "cluster" | "node" | "passed-on";

/** One request for one of our own paths. */
export interface Call {
  /** The API version that the client speaks; what the server advertises when it named none. */
  readonly version: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly scope: CallScope;
  /** For headers that only one call sets. */
  readonly response: ServerResponse;
  /** Aborts when the client goes away or the server stops. */
  readonly signal: AbortSignal;
}

/** What a handler wants to be answered. */
export type Answer =
  | { readonly kind: "empty"; readonly status: number }
  | { readonly kind: "json"; readonly status: number; readonly body: unknown }
  | { readonly kind: "text"; readonly text: string }
  /** A JSON array, rendered and sent piece by piece. */
  | { readonly kind: "list"; readonly items: Iterator<unknown> }
  | { readonly kind: "stream"; readonly contentType: string; readonly chunks: AsyncIterable<Uint8Array | string> }
  /** Whatever the engine answers that the call is about, wherever in the cluster it is. */
  | { readonly kind: "locate" }
  /** Whatever the engine of this host answers. `body` replaces a request's body that was read. */
  | { readonly kind: "forward"; readonly body?: Buffer };

/** An answer that is made here. */
export type OwnAnswer = Exclude<Answer, { readonly kind: "forward" | "locate" }>;

export type Handler = (api: ApiContext, call: Call) => Promise<Answer> | Answer;

export const json = (body: unknown, status = 200): OwnAnswer => ({ kind: "json", status, body });
export const empty = (status = 200): OwnAnswer => ({ kind: "empty", status });

/** The objects are collected at once, so that the list is of one moment; each is rendered when its turn comes. */
export const list = <T>(objects: Iterable<T>, render: (object: T) => unknown): OwnAnswer => ({
  kind: "list",
  items: [...objects].values().map(render),
});

/**
 * Lets the manager of this daemon do something. It goes on when the client leaves, as Docker's does.
 * @throws FlotillaError `unavailable` while there is no manager; the manager's errors, with Docker's prefix.
 */
export function manage<T>(
  api: ApiContext,
  what: string,
  work: (control: Control, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const control = api.membership.control();
  return withDeadline(api.clock, MANAGER_DEADLINE_MS, what, api.signal, (signal) => fromManager(work(control, signal)));
}

/** The manager of this daemon, if there is one and it is ready. */
export function controlOf(api: ApiContext): Control | undefined {
  try {
    return api.membership.control();
  } catch {
    return undefined;
  }
}

/** The calls of `engines/`, loaded when they are first needed. */
export const clusterCalls = () => import("./engines/cluster-calls.ts");

/** Whether a call is about the containers of the whole cluster. */
export const isForCluster = (api: ApiContext, call: Call): boolean =>
  call.scope !== "node" && clusterOf(api.membership) !== undefined;

/** Whether this daemon is in a cluster at all. */
export const isInCluster = (api: ApiContext): boolean => api.membership.local.state === "active";

/** Whether more is to be told than what the engine of this host knows: by a manager, or to a node of a cluster. */
export const isOfCluster = (api: ApiContext, call: Call): boolean => isInCluster(api) || isForCluster(api, call);

/** The value of a path's `{id}`. */
export const idOf = (call: Call): string => call.params["id"] ?? "";
