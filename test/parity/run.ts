import { errorMessage } from "#base/errors.ts";
import { until } from "#lab/until.ts";
import { type Entry, parseJson, renderAnswer } from "./answer.ts";
import { ask, makeCall, type Side } from "./call.ts";
import { type Condition, fill, type Step, type Transcript } from "./transcript.ts";

/** How long a condition may take to come true, in ms: Docker's slowest here is a node that is noticed to be down. */
const CONDITION_MS = 30_000;
/** How long one call may take, in ms. */
const CALL_MS = 30_000;

/** Makes the calls of transcripts, one after the other. */
export async function runTranscripts(
  side: Side,
  transcripts: readonly Transcript[],
  signal: AbortSignal,
): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (const transcript of transcripts) entries.push(...(await runTranscript(side, transcript, signal)));
  return entries;
}

async function runTranscript(side: Side, { name, steps }: Transcript, signal: AbortSignal): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (const step of steps) {
    entries.push({ transcript: name, step: step.name, answer: await runStep(side, step, signal) });
  }
  return entries;
}

/** A step that waits for something in vain has an answer too: it is not the other side's. */
async function runStep(side: Side, step: Step, signal: AbortSignal): Promise<unknown> {
  try {
    if (step.after) await waitFor(side, step.after, signal);
    const answer = await makeCall(side, step, AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]));
    return await renderAnswer(answer, step, side.values);
  } catch (err) {
    signal.throwIfAborted();
    return { stuck: errorMessage(err) };
  }
}

/** Whether a step could not be made. */
export const isStuck = ({ answer }: Entry): boolean =>
  typeof answer === "object" && answer !== null && "stuck" in answer;

async function waitFor(side: Side, condition: Condition, signal: AbortSignal): Promise<void> {
  const path = fill(condition.path, side.values);
  const look = async () => {
    const answer = await ask(side.socketOf("h1"), { method: "GET", path }, signal);
    return answer.kind === "api" && condition.holds(parseJson(answer.body.toString("utf8")));
  };
  await until(condition.what, CONDITION_MS, look, signal);
}
