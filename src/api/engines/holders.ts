import type { ApiContext } from "#api/call.ts";
import type { NodeId } from "#model/ids.ts";
import { askAll } from "./ask-all.ts";

/**
 * The nodes whose engines answer a question with yes, this one first.
 * @param path what an engine that has the thing answers with 200.
 */
export async function holdersOf(api: ApiContext, path: string, signal: AbortSignal): Promise<readonly NodeId[]> {
  const nodeIds = [...api.membership.control().view.list("node")].map(({ id }) => id);
  const { answers } = await askAll(api, nodeIds, signal, async (engine, own) => {
    const answer = await engine.open({ method: "GET", path }, own);
    answer.resume();
    return answer.statusCode === 200;
  });
  const { nodeId: here } = api.membership.local;
  return answers
    .flatMap(({ nodeId, value }) => (value ? [nodeId] : []))
    .toSorted((a, b) => Number(b === here) - Number(a === here));
}
