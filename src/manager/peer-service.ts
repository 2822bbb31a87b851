import { FlotillaError } from "#base/errors.ts";
import type { View } from "#model/view.ts";
import type { Caller, PeerService } from "#wire/protocol.ts";
import type { StoreMembership } from "./store-membership.ts";

interface Deps {
  readonly view: View;
  readonly membership: Pick<StoreMembership, "add" | "promote">;
  readonly logs: Pick<PeerService, "relayLogs">;
}

/** What this manager does for others. A certificate tells what its node was; the cluster's state, what it is. */
export const createPeerService = ({ view, membership, logs }: Deps): PeerService => ({
  async joinStore(caller, { peerUrl }, signal) {
    checkIsManager(view, caller);
    return await membership.add(caller.nodeId, peerUrl, signal);
  },
  async memberReady(caller, signal) {
    checkIsManager(view, caller);
    await membership.promote(caller.nodeId, signal);
  },
  async *relayLogs(caller, subscriptions, signal) {
    checkIsManager(view, caller);
    yield* logs.relayLogs(caller, subscriptions, signal);
  },
});

/** @throws FlotillaError `forbidden` when the caller's node is not to be a manager, or not any more. */
function checkIsManager(view: View, { nodeId }: Caller): void {
  const node = view.get("node", nodeId);
  if (node?.role === "manager" && node.spec.Role === "manager") return;
  throw new FlotillaError("forbidden", `node ${nodeId} is not a manager of this swarm`);
}
