import { createClient } from "@connectrpc/connect";
import type { ManagerTarget } from "./client.ts";
import { dial, trustCluster } from "./dial.ts";
import { PeerService as definition } from "./generated/flotilla/v1/peer_pb.ts";
import { JOIN_TIMEOUT_MS } from "./limits.ts";
import { decodeJoined, decodeRelayedLogs, encodeRelayedSubscription } from "./peer-messages.ts";
import type { PeerConnection } from "./protocol.ts";
import { mapStream, openStream } from "./streams.ts";

/** A manager's connection to another: like an agent's (see `connectManager`), and only good with a manager's certificate. */
export function connectPeer({ addr, identity, clock }: ManagerTarget): PeerConnection & AsyncDisposable {
  const dialled = dial(addr, trustCluster(identity), clock);
  const client = createClient(definition, dialled.transport);
  const limit = (name: string) => ({ what: `${name} at ${addr}`, ms: JOIN_TIMEOUT_MS });
  return {
    joinStore: ({ peerUrl }, signal) =>
      dialled.call(limit("joining the managers"), signal, async (own) =>
        decodeJoined(await client.joinStore({ peerUrl }, { signal: own })),
      ),
    memberReady: (signal) =>
      dialled.call(limit("getting a vote"), signal, async (own) => {
        await client.memberReady({}, { signal: own });
      }),
    relayLogs: (subscriptions, signal) =>
      openStream(signal, (own) =>
        mapStream(
          client.relayLogs(mapStream(subscriptions, encodeRelayedSubscription), { signal: own }),
          decodeRelayedLogs,
        ),
      ),
    [Symbol.asyncDispose]: () => dialled[Symbol.asyncDispose](),
  };
}
