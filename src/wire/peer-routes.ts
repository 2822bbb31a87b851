import { PeerService as definition } from "./generated/flotilla/v1/peer_pb.ts";
import { decodeRelayedSubscription, encodeJoined, encodeRelayedLogs } from "./peer-messages.ts";
import type { PeerService } from "./protocol.ts";
import { callerOf, type WireService } from "./service.ts";
import { endOnAbort, mapStream } from "./streams.ts";

/** Serves the other managers over the wire. */
export const peerRoutes = (peers: PeerService): WireService => ({
  service: definition,
  access: ["manager"],
  register(router) {
    router.service(definition, {
      async joinStore({ peerUrl }, context) {
        return encodeJoined(await peers.joinStore(callerOf(context), { peerUrl }, context.signal));
      },
      async memberReady(_request, context) {
        await peers.memberReady(callerOf(context), context.signal);
        return {};
      },
      relayLogs(requests, context) {
        const { signal } = context;
        const subscriptions = endOnAbort(mapStream(requests, decodeRelayedSubscription), signal);
        return endOnAbort(encodeRelayedLogs(peers.relayLogs(callerOf(context), subscriptions, signal)), signal);
      },
    });
  },
});
