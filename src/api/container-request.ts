import type { IncomingMessage } from "node:http";
import { isJson } from "./body.ts";
import type { Json } from "./convert/meta-json.ts";
import { field, isObject, parseObject } from "./raw-document.ts";

/**
 * The document in the body of `POST /containers/create`, as far as it is looked at here: an object, whose environment and
 * labels are such. Undefined for one that engines refuse.
 */
export function readContainer(request: IncomingMessage, body: Buffer): Json | undefined {
  if (!isJson(request)) return undefined;
  try {
    const document = parseObject(body);
    return isEnvironment(field(document, "Env")) && areLabels(field(document, "Labels")) ? document : undefined;
  } catch {
    return undefined;
  }
}

const isText = (value: unknown): boolean => typeof value === "string";
const isNothing = (value: unknown): boolean => value === undefined || value === null;

const isEnvironment = (value: unknown): boolean => isNothing(value) || (Array.isArray(value) && value.every(isText));
const areLabels = (value: unknown): boolean =>
  isNothing(value) || (isObject(value) && Object.values(value).every(isText));
