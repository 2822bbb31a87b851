import type { IncomingMessage } from "node:http";
import { readBody, requireJson } from "#api/body.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { invalid } from "#api/errors.ts";
import { field, isObject, parseObject } from "#api/raw-document.ts";

/**
 * The document of `POST /containers/create`, as far as it is looked at here: the environment and the labels are such. What
 * an engine would refuse in them must not be lost on the way to it.
 * @throws FlotillaError `invalid`
 */
export async function readContainer(request: IncomingMessage): Promise<Json> {
  requireJson(request);
  const document = parseObject(await readBody(request));
  const env = field(document, "Env") ?? [];
  if (!Array.isArray(env) || !env.every(isText)) throw invalid("invalid JSON: Env must be a list of strings");
  const labels = field(document, "Labels") ?? {};
  if (!isObject(labels) || !Object.values(labels).every(isText))
    throw invalid("invalid JSON: Labels must be an object of strings");
  return document;
}

/** Go reads null as an empty string. */
const isText = (value: unknown): boolean => typeof value === "string" || value === null;
