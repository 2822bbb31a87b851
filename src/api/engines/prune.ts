import { type ApiContext, type Call, json, type OwnAnswer } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { readJson } from "#api/engine-json.ts";
import type { EngineLink } from "#api/engine-link.ts";
import { errorMessage } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";
import { whileItAnswers } from "./ask-all.ts";
import { missingWarning } from "./missing.ts";
import { otherNodes } from "./nodes.ts";

/**
 * `POST /containers/prune`, and of images, volumes and build cache: on all hosts. What was removed is listed together. It may take as
 * long as the engines need: no host that works on it is given up.
 */
export async function pruneAll(api: ApiContext, call: Call, what: string): Promise<OwnAnswer> {
  const path = `/v${call.version}/${what}/prune?${call.query.toString()}`;
  const prune = (engine: EngineLink): Promise<Json> =>
    whileItAnswers(api, engine, call.signal, async (own) => readJson(await engine.open({ method: "POST", path }, own)));
  // What this host's engine refuses is wrong on every host.
  const answers = [await prune(api.engine)];
  const missing: { nodeId: NodeId; reason: string }[] = [];
  const pruning = otherNodes(api).map(async ({ id }) => {
    try {
      answers.push(await prune(api.engines.engineOf(id)));
    } catch (err) {
      call.signal.throwIfAborted();
      missing.push({ nodeId: id, reason: errorMessage(err) });
    }
  });
  await Promise.all(pruning);
  missingWarning(api, call, missing);
  return json(answers.reduce(together));
}

/** Lists are joined, and numbers added. */
function together(one: Json, other: Json): Json {
  const merged: Record<string, unknown> = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const known = merged[key];
    if (Array.isArray(value)) merged[key] = [...(Array.isArray(known) ? known : []), ...value];
    else if (typeof value === "number") merged[key] = value + (typeof known === "number" ? known : 0);
    else merged[key] ??= value;
  }
  return merged;
}
