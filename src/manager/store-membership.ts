import type { NodeId } from "#model/ids.ts";
import type { JoinedStore } from "#wire/protocol.ts";

/** One manager's part of the store that all managers share. */
export interface StoreMember {
  readonly nodeId: NodeId;
  /** Whether it has a vote yet. */
  readonly isVoter: boolean;
}

/**
 * Who takes part in the store that all managers share. One manager alone has a store of its own; the first call of `add`
 * turns it into one that can be shared.
 *
 * A store that users run themselves has no members of ours: `add` answers its data key and no members, `promote` and
 * `remove` do nothing, and the list is empty.
 */
export interface StoreMembership {
  /**
   * Adds a manager as a member without a vote. A manager that is a member already stays one.
   * @param peerUrl where the other members will reach it: `https://host:port`.
   * @throws FlotillaError `unavailable` while another member is being added, or the members do not answer.
   */
  add(nodeId: NodeId, peerUrl: string, signal: AbortSignal): Promise<JoinedStore>;
  /**
   * Gives the manager's member its vote. No error when it has one.
   * @throws FlotillaError `unavailable` while it is too far behind, `not_found` when it is no member.
   */
  promote(nodeId: NodeId, signal: AbortSignal): Promise<void>;
  /**
   * Takes the manager's member out, also one that was never started. No error when there is none.
   * @throws FlotillaError `unavailable` when the members do not answer.
   */
  remove(nodeId: NodeId, signal: AbortSignal): Promise<void>;
  list(signal: AbortSignal): Promise<readonly StoreMember[]>;
}
