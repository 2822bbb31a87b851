import { type ApiContext, type Call, json, type OwnAnswer } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { tellEngine } from "#api/engine-json.ts";
import { parseFilters } from "#api/filters.ts";
import { field, textField, textsField } from "#api/raw-document.ts";
import { askAllFor } from "./ask-all.ts";
import { orOwn, whoHasVolume } from "./holders.ts";
import { missingWarning } from "./missing.ts";
import { idsOf, wantedNodes } from "./nodes.ts";
import { queryWithout } from "./query-without.ts";

/** `GET /volumes`: the volumes of all hosts, each name once: a container that uses it goes where it is. */
export async function listVolumes(api: ApiContext, call: Call): Promise<OwnAnswer> {
  const filters = parseFilters(call.query);
  const path = `/v${call.version}/volumes${queryWithout(call.query, filters, ["node"])}`;
  const { answers, missing } = await askAllFor<Json>(api, idsOf(wantedNodes(api, filters)), path, call.signal);
  missingWarning(api, call, missing);
  const volumes = new Map<string, unknown>();
  for (const { value } of answers) {
    const listed = field(value, "Volumes");
    for (const volume of Array.isArray(listed) ? listed : []) {
      const name = textField(volume, "Name");
      if (!volumes.has(name)) volumes.set(name, volume);
    }
  }
  const warnings = answers.flatMap(({ value }) => textsField(value, "Warnings"));
  return json({ Volumes: [...volumes.values()], Warnings: warnings.length > 0 ? warnings : null });
}

/** `DELETE /volumes/{name}`: on every host that has it. */
export async function removeVolume(api: ApiContext, call: Call, name: string): Promise<OwnAnswer> {
  const holders = orOwn(api, await whoHasVolume(api, name, call.signal));
  const path = `/volumes/${encodeURIComponent(name)}?${call.query.toString()}`;
  const answers = await Promise.all(
    holders.map((nodeId) => tellEngine(api, call, "DELETE", path, undefined, api.engines.engineOf(nodeId))),
  );
  return answers.find(({ isOk }) => !isOk)?.answer ?? { kind: "empty", status: 204 };
}
