import type { IncomingMessage } from "node:http";
import type { ApiContext, Call, OwnAnswer } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { textField } from "#api/raw-document.ts";
import { Channel } from "#base/channel.ts";
import { errorMessage } from "#base/errors.ts";
import type { Watcher } from "#base/shared-work.ts";
import { TaskGroup } from "#base/task-group.ts";
import { parseJsonLines } from "#engine/json-lines.ts";
import type { NodeId } from "#model/ids.ts";
import type { CopyProgress } from "./copy-image.ts";
import { hostName } from "./nodes.ts";

/** Says something to a client that reads a stream of progress. Resolves when there is room for more. */
export type Tell = (line: Json) => Promise<unknown>;

/** For work that nobody watches. */
export const tellNobody: Tell = async () => undefined;

/** Lines that wait for a slow client. */
const WAITING_LINES = 64;
/** Between two lines on the progress of one copy. */
const PROGRESS_MS = 250;

/** The line that makes a client's command fail. */
export const errorLine = (message: string): Json => ({ errorDetail: { message }, error: message });

/** The error that a line tells, or "". */
export const failureIn = (line: Json): string => textField(line, "error");

/**
 * Answers with the lines that some work tells, in the form in which engines tell progress. What the work throws before its
 * first line is thrown; what it throws later is its last line.
 */
export async function answerInLines(
  call: Call,
  work: (tell: Tell, signal: AbortSignal) => Promise<void>,
): Promise<OwnAnswer> {
  const lines = linesOf(call.signal, work);
  const first = await lines.next();
  async function* chunks(): AsyncGenerator<string> {
    if (first.done) return;
    yield first.value;
    yield* lines;
  }
  return { kind: "stream", contentType: "application/json", chunks: chunks() };
}

async function* linesOf(
  signal: AbortSignal,
  work: (tell: Tell, signal: AbortSignal) => Promise<void>,
): AsyncGenerator<string, undefined> {
  const lines = new Channel<string>(WAITING_LINES);
  let hasTold = false;
  const tell: Tell = (line) => {
    hasTold = true;
    return lines.push(`${JSON.stringify(line)}\r\n`);
  };
  await using jobs = new TaskGroup(signal);
  jobs.spawn("work with progress", async (stop) => {
    try {
      await work(tell, stop);
      lines.end();
    } catch (err) {
      if (!hasTold || stop.aborted) return lines.fail(err);
      await tell(errorLine(errorMessage(err)));
      lines.end();
    }
  });
  yield* lines;
}

/**
 * An engine's lines as they come. A connection that breaks becomes an error's line: the client would see no more than an
 * end of the stream.
 * @param host the engine's, for that error.
 */
export async function* engineLines(answer: IncomingMessage, host: string, signal: AbortSignal): AsyncGenerator<Json> {
  try {
    yield* parseJsonLines<Json>(answer);
  } catch (err) {
    signal.throwIfAborted();
    yield errorLine(`the connection to the engine of ${host} broke off: ${errorMessage(err)}`);
  }
}

/** Tells how far a copy is, in the form that clients draw bars of. */
export function copyLines(api: ApiContext, reference: string, to: NodeId, tell: Tell): Watcher<CopyProgress> {
  let last = -Infinity;
  return ({ from, sentBytes, totalBytes }) => {
    const now = api.clock.now();
    if (now < last + PROGRESS_MS) return;
    last = now;
    const status = `Copying ${reference} from ${hostName(api, from)}`;
    void tell({ id: hostName(api, to), status, progressDetail: { current: sentBytes, total: totalBytes } });
  };
}
