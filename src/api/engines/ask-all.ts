import type { ApiContext } from "#api/call.ts";
import { readJson } from "#api/engine-json.ts";
import type { EngineLink } from "#api/engine-link.ts";
import { HTTP_STATUS } from "#api/errors.ts";
import { LinkedAbort, withDeadline } from "#base/abort.ts";
import { errorCode, errorMessage, FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";

/** An engine that has not answered by then is left out of an answer for many: nobody waits for a host that hangs. */
const ANSWER_MS = 2_000;
/** How often an engine that works on its answer is asked whether it is still there. */
const STILL_THERE_MS = 1_000;

/**
 * What is waited for: an *answer* that engines have at hand, or one that may be *work* of minutes, for which it only
 * counts that they answer anything else meanwhile.
 */
export type Patience = "answer" | "work";

export interface Answers<T> {
  readonly answers: readonly { readonly nodeId: NodeId; readonly value: T }[];
  /** Who did not answer, and why. */
  readonly missing: readonly { readonly nodeId: NodeId; readonly reason: string }[];
}

/**
 * Asks the engines of several nodes at once. None holds up the others: one that is down is not asked, and one that hangs
 * is not waited for, and not asked again before it has answered a call of the mirror's.
 * @throws FlotillaError what an engine refuses, or cannot do and no other can: it is the question that is wrong then.
 */
export async function askAll<T>(
  api: ApiContext,
  nodeIds: readonly NodeId[],
  signal: AbortSignal,
  ask: (engine: EngineLink, signal: AbortSignal, nodeId: NodeId) => Promise<T>,
  patience: Patience = "answer",
): Promise<Answers<T>> {
  const wait = patience === "answer" ? inTime : whileItAnswers;
  const answers: { nodeId: NodeId; value: T }[] = [];
  const missing: { nodeId: NodeId; reason: string }[] = [];
  const failures: FlotillaError[] = [];
  const one = async (nodeId: NodeId) => {
    try {
      if (api.mirrors.isSilent(nodeId)) throw new Error("its engine does not answer");
      const engine = api.engines.engineOf(nodeId);
      const value = await wait(api, engine, signal, (own) => ask(engine, own, nodeId));
      answers.push({ nodeId, value });
    } catch (err) {
      signal.throwIfAborted();
      if (isRefusal(err)) throw err;
      if (err instanceof FlotillaError && err.code !== "unavailable") failures.push(err);
      api.mirrors.doubt(nodeId);
      missing.push({ nodeId, reason: errorMessage(err) });
    }
  };
  await Promise.all(nodeIds.map(one));
  if (answers.length === 0 && failures[0] !== undefined) throw failures[0];
  return { answers, missing };
}

/** The same for a document that each of them has. */
export const askAllFor = <T>(
  api: ApiContext,
  nodeIds: readonly NodeId[],
  path: string,
  signal: AbortSignal,
  patience: Patience = "answer",
): Promise<Answers<T>> =>
  askAll(
    api,
    nodeIds,
    signal,
    async (engine, own) => readJson<T>(await engine.open({ method: "GET", path }, own)),
    patience,
  );

/** Runs a call to an engine. @throws FlotillaError `unavailable` when it takes too long. */
type Waiting = <T>(
  api: ApiContext,
  engine: EngineLink,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
) => Promise<T>;

const inTime: Waiting = (api, _engine, signal, work) =>
  withDeadline(api.clock, ANSWER_MS, "the engine's answer", signal, work);

/** Waits for work of any length, as long as the engine answers anything else meanwhile. */
export const whileItAnswers: Waiting = async (api, engine, signal, work) => {
  using until = new LinkedAbort(signal);
  const watch = async (): Promise<never> => {
    for (;;) {
      await engine.ping(until.signal);
      await api.clock.sleep(STILL_THERE_MS, until.signal);
    }
  };
  try {
    return await Promise.race([work(until.signal), watch()]);
  } finally {
    until.abort(new FlotillaError("unavailable", "the call is over"));
  }
};

const isRefusal = (err: unknown): boolean => HTTP_STATUS[errorCode(err)] < 500;
