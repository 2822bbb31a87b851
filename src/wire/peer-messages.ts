import type { MessageInitShape } from "@bufbuild/protobuf";
import { FlotillaError } from "#base/errors.ts";
import { decodeLogs, decodeSubscription, encodeLogs, encodeSubscription } from "./agent-messages.ts";
import type {
  JoinStoreResponse,
  JoinStoreResponseSchema,
  RelayLogsRequest,
  RelayLogsRequestSchema,
  RelayLogsResponse,
  RelayLogsResponseSchema,
} from "./generated/flotilla/v1/peer_pb.ts";
import type { JoinedStore, RelayedLogs, RelayedSubscription } from "./protocol.ts";

/** Both directions of what managers tell each other: our types and the protobuf messages. */

export const encodeJoined = ({
  dataKey,
  members,
  memberId,
}: JoinedStore): MessageInitShape<typeof JoinStoreResponseSchema> => ({
  dataKey: Buffer.from(dataKey, "base64"),
  members: members.map(({ name, peerUrls }) => ({ name, peerUrls: [...peerUrls] })),
  memberId,
});

export const decodeJoined = ({ dataKey, members, memberId }: JoinStoreResponse): JoinedStore => ({
  dataKey: Buffer.from(dataKey).toString("base64"),
  members: members.map(({ name, peerUrls }) => ({ name, peerUrls })),
  memberId,
});

export const encodeRelayedSubscription = ({
  nodeId,
  subscription,
}: RelayedSubscription): MessageInitShape<typeof RelayLogsRequestSchema> => ({
  nodeId,
  subscription: encodeSubscription(subscription),
});

/** @throws FlotillaError `invalid` for a message that asks nothing. */
export function decodeRelayedSubscription({ nodeId, subscription }: RelayLogsRequest): RelayedSubscription {
  if (subscription === undefined) throw new FlotillaError("invalid", "the relayed subscription is missing");
  return { nodeId, subscription: decodeSubscription(subscription) };
}

/** A large batch goes out in several, as it does from an agent. */
export async function* encodeRelayedLogs(
  source: AsyncIterable<RelayedLogs>,
): AsyncGenerator<MessageInitShape<typeof RelayLogsResponseSchema>> {
  for await (const relayed of source) {
    if (relayed.type !== "batch") {
      yield { came: [], left: [], [relayed.type]: [...relayed.nodeIds] };
      continue;
    }
    for await (const batch of encodeLogs(one(relayed.batch))) yield { nodeId: relayed.nodeId, batch };
  }
}

export function decodeRelayedLogs({ came, left, nodeId, batch }: RelayLogsResponse): RelayedLogs {
  if (nodeId !== undefined && batch !== undefined) return { type: "batch", nodeId, batch: decodeLogs(batch) };
  return left.length > 0 ? { type: "left", nodeIds: left } : { type: "came", nodeIds: came };
}

async function* one<T>(item: T): AsyncGenerator<T> {
  yield item;
}
