import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { StoreMembership } from "#manager/store-membership.ts";
import type { NodeId } from "#model/ids.ts";
import type { HostPort } from "#node/addresses.ts";
import { hasEtcdData } from "#node/etcd/member.ts";
import type { KeyRing } from "#node/key-ring.ts";
import type { NodePaths } from "#node/paths.ts";
import type { SavedState } from "#node/state-file.ts";
import type { Store } from "#store/store.ts";
import type { CurrentIdentity } from "#wire/identity.ts";
import { type ForeignStore, openForeignStore } from "./foreign-store.ts";
import { joinStore } from "./join-store.ts";
import { openOwnStore } from "./own-store.ts";
import { openSharedStore } from "./shared-store.ts";

export interface ManagerStoreDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly identity: CurrentIdentity;
  readonly keys: KeyRing;
  readonly paths: NodePaths;
  readonly state: SavedState;
  readonly listen: HostPort;
  readonly advertise: HostPort;
  readonly foreignStore?: ForeignStore;
  readonly startsOver: boolean;
  /** Asks for a new certificate of this node. */
  readonly renewNow: () => void;
}

/** Where the cluster's state is, as this manager reaches it. */
export interface ManagerStore extends AsyncDisposable {
  readonly store: Store;
  readonly membership: StoreMembership;
  /** Whether this manager's member leads the others, as far as is known; false where there is no such thing. */
  readonly isLeader: boolean;
  /**
   * Keeps running what the store needs, until `signal` aborts.
   * @throws FlotillaError `precondition` when the other managers have removed this one from their store.
   */
  run(signal: AbortSignal): Promise<void>;
  /**
   * Prepares for this manager's removal from the store: another one takes over what it does for the others there, but
   * not the one that leads the cluster, if there is a third.
   */
  stepAside(leader: NodeId | undefined, signal: AbortSignal): Promise<void>;
}

/**
 * Opens the store that is in force, or becomes a member of the other managers' first.
 * @throws FlotillaError `unavailable` when not enough other members can be reached now.
 */
export async function openManagerStore(deps: ManagerStoreDeps, signal: AbortSignal): Promise<ManagerStore> {
  const { state, keys, paths, foreignStore } = deps;
  const { store } = state.current;
  const isNew = keys.dataKey === undefined;
  if (!isNew && store === undefined) return await openOwnStore(deps, signal);
  if (!isNew && store === "foreign etcd") return await openForeignStore(deps, foreignStore, signal);
  if (!isNew && hasEtcdData(paths)) return await openSharedStore(deps, undefined, 0, signal);
  const joined = await joinStore(deps, signal);
  if (joined === "foreign etcd") return await openForeignStore(deps, foreignStore, signal);
  return await openSharedStore(deps, joined, 0, signal);
}
