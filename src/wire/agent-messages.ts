import type { MessageInitShape } from "@bufbuild/protobuf";
import { FlotillaError } from "#base/errors.ts";
import type {
  AssignmentsResponse,
  AssignmentsResponseSchema,
  AttachNetworkRequest,
  AttachNetworkRequestSchema,
  AttachNetworkResponse,
  BringImageResponse,
  BringImageResponseSchema,
  LogSubscriptionsResponse,
  LogSubscriptionsResponseSchema,
  PublishLogsRequest,
  PublishLogsRequestSchema,
  SessionResponse,
  SessionResponseSchema,
} from "./generated/flotilla/v1/agent_pb.ts";
import { decodeJson, encodeJson } from "./json.ts";
import { MAX_ALIASES, MAX_NAME_LENGTH } from "./limits.ts";
import { splitParts } from "./parts.ts";
import type {
  AssignmentChange,
  AssignmentMessage,
  AttachedNetwork,
  AttachRequest,
  ImageProgress,
  LogBatch,
  LogMessage,
  LogSubscription,
  SessionMessage,
} from "./protocol.ts";

/** Both directions of what is streamed between agent and manager: our types and the protobuf messages. */

export const encodeSession = (message: SessionMessage): MessageInitShape<typeof SessionResponseSchema> => ({
  sessionId: message.sessionId,
  nodeJson: encodeJson(message.node),
  managers: [...message.managers],
  trustRoot: message.trustRoot,
  renewCertificate: message.renewCertificate,
});

export const decodeSession = (message: SessionResponse): SessionMessage => ({
  sessionId: message.sessionId,
  node: decodeJson(message.nodeJson),
  managers: message.managers.map(({ nodeId, addr, live }) => ({ nodeId, addr, live })),
  trustRoot: message.trustRoot,
  renewCertificate: message.renewCertificate,
});

/** A large set (secrets and configs may be a megabyte each) goes out in several parts. */
export async function* encodeAssignments(
  source: AsyncIterable<AssignmentMessage>,
): AsyncGenerator<MessageInitShape<typeof AssignmentsResponseSchema>> {
  for await (const { type, appliesTo, resultsIn, changes } of source) {
    const envelope = { complete: type === "complete", appliesTo, resultsIn };
    let waiting: Uint8Array[] | undefined;
    for (const part of splitParts(encodeAll(changes), (bytes) => bytes.length)) {
      if (waiting !== undefined) yield { ...envelope, changesJson: waiting, more: true };
      waiting = part;
    }
    yield { ...envelope, changesJson: waiting ?? [], more: false };
  }
}

function* encodeAll(changes: readonly AssignmentChange[]): Generator<Uint8Array> {
  for (const change of changes) yield encodeJson(change);
}

export async function* decodeAssignments(
  source: AsyncIterable<AssignmentsResponse>,
): AsyncGenerator<AssignmentMessage> {
  let changes: AssignmentChange[] = [];
  for await (const part of source) {
    for (const json of part.changesJson) changes.push(decodeJson<AssignmentChange>(json));
    if (part.more) continue;
    const { appliesTo, resultsIn } = part;
    yield { type: part.complete ? "complete" : "incremental", appliesTo, resultsIn, changes };
    changes = [];
  }
}

export const encodeAttachRequest = (request: AttachRequest): MessageInitShape<typeof AttachNetworkRequestSchema> => ({
  ...request,
  aliases: [...request.aliases],
});

/** @throws FlotillaError `invalid` for names that no container can have: the store keeps them. */
export function decodeAttachRequest(message: AttachNetworkRequest): AttachRequest {
  const { network, containerName, aliases, address } = message;
  checkName("network", network);
  checkName("container name", containerName);
  if (aliases.length > MAX_ALIASES) {
    throw new FlotillaError("invalid", `a container may have at most ${MAX_ALIASES} aliases on a network`);
  }
  for (const alias of aliases) checkName("alias", alias);
  if (address !== undefined) checkName("address", address);
  return { network, containerName, aliases, ...(address === undefined ? {} : { address }) };
}

function checkName(what: string, name: string): void {
  if (name !== "" && name.length <= MAX_NAME_LENGTH) return;
  throw new FlotillaError("invalid", `${what} must have 1 to ${MAX_NAME_LENGTH} characters`);
}

export const decodeAttached = ({ taskId, networkId, address }: AttachNetworkResponse): AttachedNetwork => ({
  taskId,
  networkId,
  address,
});

export const encodeImageProgress = ({
  from,
  sentBytes,
  totalBytes,
}: ImageProgress): MessageInitShape<typeof BringImageResponseSchema> => ({
  from,
  sentBytes: BigInt(sentBytes),
  totalBytes: BigInt(totalBytes),
});

export const decodeImageProgress = ({ from, sentBytes, totalBytes }: BringImageResponse): ImageProgress => ({
  from,
  sentBytes: Number(sentBytes),
  totalBytes: Number(totalBytes),
});

export const encodeSubscription = (
  subscription: LogSubscription,
): MessageInitShape<typeof LogSubscriptionsResponseSchema> => ({
  id: subscription.id,
  close: subscription.close,
  optionsJson: encodeJson(subscription.options),
  taskIds: [...subscription.taskIds],
});

export const decodeSubscription = (message: LogSubscriptionsResponse): LogSubscription => ({
  id: message.id,
  close: message.close,
  options: decodeJson(message.optionsJson),
  taskIds: message.taskIds,
});

/** Bytes of a log line besides its data, roughly. */
const LINE_OVERHEAD_BYTES = 128;

/** A large batch goes out in several; the ends of tasks come with the last, after their lines. */
export async function* encodeLogs(
  source: AsyncIterable<LogBatch>,
): AsyncGenerator<MessageInitShape<typeof PublishLogsRequestSchema>> {
  for await (const { subscriptionId, messages, ended } of source) {
    for (const part of splitParts(messages, ({ data }) => data.length + LINE_OVERHEAD_BYTES)) {
      if (part.length > 0) yield { subscriptionId, messages: part.map(encodeLine), ended: [] };
    }
    if (ended.length > 0) yield { subscriptionId, messages: [], ended: [...ended] };
  }
}

const encodeLine = ({ stream, ...line }: LogMessage) => ({ ...line, stderr: stream === "stderr" });

export const decodeLogs = (request: PublishLogsRequest): LogBatch => ({
  subscriptionId: request.subscriptionId,
  messages: request.messages.map(({ taskId, stderr, timestamp, data, details }) => ({
    taskId,
    stream: stderr ? "stderr" : "stdout",
    timestamp,
    data,
    ...(details === undefined ? {} : { details }),
  })),
  ended: request.ended.map(({ taskId, err }) => ({ taskId, ...(err === undefined ? {} : { err }) })),
});
