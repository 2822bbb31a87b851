import { readDocument } from "./body.ts";
import { type Answer, type ApiContext, type Call, empty, idOf, json, list, manage } from "./call.ts";
import { SECRET_SPEC } from "./cluster-documents.ts";
import { secretJson } from "./convert/secret-json.ts";
import { parseFilters } from "./filters.ts";
import { payloadMatcher, refuseOldTemplating } from "./payloads.ts";
import { parseObjectVersion } from "./query.ts";
import { resolve } from "./resolve.ts";

const FILTERS = ["id", "name", "names", "label"];

export function listSecrets(api: ApiContext, call: Call): Answer {
  const matches = payloadMatcher(parseFilters(call.query).accept(FILTERS));
  return list([...api.membership.control().view.list("secret")].filter(matches), secretJson);
}

export const inspectSecret = (api: ApiContext, call: Call): Answer =>
  json(secretJson(resolve(api.membership.control().view, "secret", idOf(call))));

export async function createSecret(api: ApiContext, call: Call): Promise<Answer> {
  const spec = await readDocument(call.request, "SecretSpec", SECRET_SPEC, call.version);
  refuseOldTemplating("secret", spec, call.version);
  const ID = await manage(api, "the creation of the secret", (control, signal) => control.createSecret(spec, signal));
  return json({ ID }, 201);
}

export async function updateSecret(api: ApiContext, call: Call): Promise<Answer> {
  const spec = await readDocument(call.request, "SecretSpec", SECRET_SPEC, call.version);
  const version = parseObjectVersion(call.query, "secret");
  const { id } = resolve(api.membership.control().view, "secret", idOf(call));
  await manage(api, "the update of the secret", (control, signal) => control.updateSecret(id, version, spec, signal));
  return empty();
}

export async function removeSecret(api: ApiContext, call: Call): Promise<Answer> {
  const { id } = resolve(api.membership.control().view, "secret", idOf(call));
  await manage(api, "the removal of the secret", (control, signal) => control.removeSecret(id, signal));
  return empty(204);
}
