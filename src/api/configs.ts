import { readDocument } from "./body.ts";
import { type Answer, type ApiContext, type Call, empty, idOf, json, list, manage } from "./call.ts";
import { CONFIG_SPEC } from "./cluster-documents.ts";
import { configJson } from "./convert/secret-json.ts";
import { parseFilters } from "./filters.ts";
import { payloadMatcher, refuseOldTemplating } from "./payloads.ts";
import { parseObjectVersion } from "./query.ts";
import { resolve } from "./resolve.ts";

const FILTERS = ["id", "name", "label"];

export function listConfigs(api: ApiContext, call: Call): Answer {
  const matches = payloadMatcher(parseFilters(call.query).accept(FILTERS));
  return list([...api.membership.control().view.list("config")].filter(matches), configJson);
}

export const inspectConfig = (api: ApiContext, call: Call): Answer =>
  json(configJson(resolve(api.membership.control().view, "config", idOf(call))));

export async function createConfig(api: ApiContext, call: Call): Promise<Answer> {
  const spec = await readDocument(call.request, "ConfigSpec", CONFIG_SPEC, call.version);
  refuseOldTemplating("config", spec, call.version);
  const ID = await manage(api, "the creation of the config", (control, signal) => control.createConfig(spec, signal));
  return json({ ID }, 201);
}

export async function updateConfig(api: ApiContext, call: Call): Promise<Answer> {
  const spec = await readDocument(call.request, "ConfigSpec", CONFIG_SPEC, call.version);
  const version = parseObjectVersion(call.query, "config");
  const { id } = resolve(api.membership.control().view, "config", idOf(call));
  await manage(api, "the update of the config", (control, signal) => control.updateConfig(id, version, spec, signal));
  return empty();
}

export async function removeConfig(api: ApiContext, call: Call): Promise<Answer> {
  const { id } = resolve(api.membership.control().view, "config", idOf(call));
  await manage(api, "the removal of the config", (control, signal) => control.removeConfig(id, signal));
  return empty(204);
}
