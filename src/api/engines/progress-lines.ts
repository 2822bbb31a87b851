import type { IncomingMessage } from "node:http";
import type { ApiContext } from "#api/call.ts";
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

/** Says something to a client that reads a stream of progress. What nobody reads any more is dropped. */
export type Tell = (line: Json) => void;

/** Lines that wait for a slow client. */
const WAITING_LINES = 64;
/** Between two lines on the progress of one copy. */
const PROGRESS_MS = 250;

/** A line as engines write it. */
export const renderLine = (line: Json): string => `${JSON.stringify(line)}\r\n`;

/** The line that makes a client's command fail. */
export const errorLine = (message: string): Json => ({ errorDetail: { message }, error: message });

/**
 * An engine's lines as they come. A connection that breaks becomes an error's line: the client would see no more than an
 * end of the stream.
 * @param look is shown each line, and says whether the client is to see it.
 */
export async function* engineLines(
  answer: IncomingMessage,
  signal: AbortSignal,
  look: (line: Json) => boolean,
): AsyncGenerator<string> {
  try {
    for await (const line of parseJsonLines<Json>(answer)) if (look(line)) yield renderLine(line);
  } catch (err) {
    signal.throwIfAborted();
    const line = errorLine(`the engine's answer broke off: ${errorMessage(err)}`);
    if (look(line)) yield renderLine(line);
  }
}

/** The error that a line tells, or "". */
export const failureIn = (line: Json): string => textField(line, "error");

/** The lines that some work tells while it is done. What it throws becomes an error's line. */
export async function* linesOf(signal: AbortSignal, work: (tell: Tell, signal: AbortSignal) => Promise<void>) {
  const lines = new Channel<string>(WAITING_LINES);
  const tell: Tell = (line) => void lines.push(renderLine(line));
  await using jobs = new TaskGroup(signal);
  jobs.spawn("work with progress", async (stop) => {
    await work(tell, stop).catch((err: unknown) => {
      stop.throwIfAborted();
      tell(errorLine(errorMessage(err)));
    });
    lines.end();
  });
  yield* lines;
}

/** Tells how far a copy is, in the form that clients draw bars of. */
export function copyLines(api: ApiContext, reference: string, to: NodeId, tell: Tell): Watcher<CopyProgress> {
  let last = -Infinity;
  return ({ from, sentBytes, totalBytes }) => {
    const now = api.clock.now();
    if (now < last + PROGRESS_MS) return;
    last = now;
    const status = `Copying ${reference} from ${hostName(api, from)}`;
    tell({ id: hostName(api, to), status, progressDetail: { current: sentBytes, total: totalBytes } });
  };
}
