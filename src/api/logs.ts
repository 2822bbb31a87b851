import { errorMessage } from "#base/errors.ts";
import type { ClusterLogMessage, LogSelector } from "#manager/control.ts";
import type { TaskSpec } from "#model/spec.ts";
import type { LogOptions } from "#wire/protocol.ts";
import { isOlder } from "./api-version.ts";
import { type Answer, type ApiContext, type Call, idOf } from "./call.ts";
import { invalid } from "./errors.ts";
import { isFlagSet, parseTail, parseUnixNanos } from "./query.ts";
import { resolve } from "./resolve.ts";

/** The first byte of a frame. Source: moby api/pkg/stdcopy. */
const STREAM = { stdout: 1, stderr: 2, error: 3 } as const;
const FRAME_HEAD_BYTES = 8;

const CONTEXT = "com.docker.swarm";

export function serviceLogs(api: ApiContext, call: Call): Answer {
  const check = checkStreams(call.query);
  const service = resolve(api.membership.control().view, "service", idOf(call));
  return streamLogs(api, call, check, { serviceIds: [service.id], taskIds: [] }, service.spec.TaskTemplate);
}

export function taskLogs(api: ApiContext, call: Call): Answer {
  const check = checkStreams(call.query);
  const task = resolve(api.membership.control().view, "task", idOf(call));
  return streamLogs(api, call, check, { serviceIds: [], taskIds: [task.id] }, task.spec);
}

type Streams = Pick<LogOptions, "stdout" | "stderr" | "since">;

function checkStreams(query: URLSearchParams): Streams {
  const stdout = isFlagSet(query, "stdout");
  const stderr = isFlagSet(query, "stderr");
  if (!stdout && !stderr) throw invalid("must specify at least one of 'stdout' or 'stderr'");
  const since = parseUnixNanos(query, "since") === undefined ? undefined : query.get("since");
  return { stdout, stderr, ...(since && { since }) };
}

function streamLogs(api: ApiContext, call: Call, streams: Streams, selector: LogSelector, spec: TaskSpec): Answer {
  const hasTerminal = spec.ContainerSpec?.TTY === true;
  const tail = parseTail(call.query);
  const options = { ...streams, follow: isFlagSet(call.query, "follow"), ...(tail !== undefined && { tail }) };
  const messages = api.membership.control().logs(selector, options, call.signal);
  const format = {
    framed: !hasTerminal,
    timestamps: isFlagSet(call.query, "timestamps"),
    details: isFlagSet(call.query, "details"),
  };
  const isMultiplexed = !hasTerminal && !isOlder(call.version, "1.42");
  const contentType = `application/vnd.docker.${isMultiplexed ? "multiplexed" : "raw"}-stream`;
  return { kind: "stream", contentType, chunks: renderLogs(messages, format, call.signal) };
}

interface Format {
  readonly framed: boolean;
  readonly timestamps: boolean;
  readonly details: boolean;
}

/** A failure in the middle of the stream is a line of it: its head was sent long ago. */
async function* renderLogs(
  messages: AsyncIterable<ClusterLogMessage>,
  format: Format,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const message of messages) {
      const line = Buffer.concat([Buffer.from(linePrefix(message, format)), message.data]);
      yield format.framed ? frame(STREAM[message.stream], line) : line;
    }
  } catch (err) {
    if (signal.aborted) return;
    const line = Buffer.from(`Error grabbing logs: ${errorMessage(err)}\n`);
    yield format.framed ? frame(STREAM.error, line) : line;
  }
}

function linePrefix(message: ClusterLogMessage, format: Format): string {
  const timestamp = format.timestamps ? `${message.timestamp} ` : "";
  return format.details ? `${timestamp}${renderDetails(message)} ` : timestamp;
}

/** The log driver's attributes and the line's origin, in the order of their keys. The origin cannot be forged. */
function renderDetails(message: ClusterLogMessage): string {
  const origin = new Map([
    [`${CONTEXT}.node.id`, message.nodeId],
    [`${CONTEXT}.service.id`, message.serviceId],
    [`${CONTEXT}.task.id`, message.taskId],
  ]);
  const attributes = (message.details ?? "").split(",").filter((pair) => {
    const key = pair.split("=", 1)[0] ?? "";
    return pair !== "" && !origin.has(key);
  });
  return [...attributes, ...[...origin].map(([key, id]) => `${key}=${id}`)].toSorted().join(",");
}

function frame(stream: number, data: Uint8Array): Uint8Array {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUInt8(stream, 0);
  head.writeUInt32BE(data.length, 4);
  return Buffer.concat([head, data]);
}
