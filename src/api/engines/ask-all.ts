import type { ApiContext } from "#api/call.ts";
import { readJson } from "#api/engine-json.ts";
import type { EngineLink } from "#api/engine-link.ts";
import { HTTP_STATUS } from "#api/errors.ts";
import { withDeadline } from "#base/abort.ts";
import { errorCode, errorMessage } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";

/** An engine that has not answered by then is left out of an answer for many: nobody waits for a host that hangs. */
const ANSWER_MS = 2_000;

export interface Answers<T> {
  readonly answers: readonly { readonly nodeId: NodeId; readonly value: T }[];
  /** Who did not answer, and why. */
  readonly missing: readonly { readonly nodeId: NodeId; readonly reason: string }[];
}

/**
 * Asks the engines of several nodes at once. None holds up the others: one that is down is not asked, and one that hangs
 * is not waited for, and not asked again before it has answered a call of the mirror's.
 * @throws FlotillaError what an engine refuses: it is the question that is wrong then.
 */
export async function askAll<T>(
  api: ApiContext,
  nodeIds: readonly NodeId[],
  signal: AbortSignal,
  ask: (engine: EngineLink, signal: AbortSignal, nodeId: NodeId) => Promise<T>,
): Promise<Answers<T>> {
  const answers: { nodeId: NodeId; value: T }[] = [];
  const missing: { nodeId: NodeId; reason: string }[] = [];
  const one = async (nodeId: NodeId) => {
    try {
      if (api.mirrors.isSilent(nodeId)) throw new Error("its engine does not answer");
      const engine = api.engines.engineOf(nodeId);
      const value = await withDeadline(api.clock, ANSWER_MS, "the engine's answer", signal, (own) =>
        ask(engine, own, nodeId),
      );
      answers.push({ nodeId, value });
    } catch (err) {
      signal.throwIfAborted();
      if (isRefusal(err)) throw err;
      api.mirrors.doubt(nodeId);
      missing.push({ nodeId, reason: errorMessage(err) });
    }
  };
  await Promise.all(nodeIds.map(one));
  return { answers, missing };
}

/** The same for a document that each of them has. */
export const askAllFor = <T>(
  api: ApiContext,
  nodeIds: readonly NodeId[],
  path: string,
  signal: AbortSignal,
): Promise<Answers<T>> =>
  askAll(api, nodeIds, signal, async (engine, own) => readJson<T>(await engine.open({ method: "GET", path }, own)));

const isRefusal = (err: unknown): boolean => HTTP_STATUS[errorCode(err)] < 500;
