import { parseJson } from "./body.ts";
import type { Json } from "./convert/meta-json.ts";
import { invalid } from "./errors.ts";

/** Documents that go on to the engine, with a few members changed: the rest stays as the client sent it. */

/** A member, its name in any case of letters, as Go reads it. */
export function field(document: unknown, name: string): unknown {
  const object = asObject(document);
  const key = keyOf(object, name);
  return key === undefined ? undefined : object[key];
}

/** A member that is text; "" for anything else. */
export function textField(document: unknown, name: string): string {
  const value = field(document, name);
  return typeof value === "string" ? value : "";
}

/** A member that is a list of texts; what is not text in it is left out. */
export function textsField(document: unknown, name: string): readonly string[] {
  const value = field(document, name);
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

/** The object with a member set, whatever case of letters its name had. */
export function withField(object: Json, name: string, value: unknown): Json {
  const others = Object.entries(object).filter(([key]) => key.toLowerCase() !== name.toLowerCase());
  return { ...Object.fromEntries(others), [name]: value };
}

/** A JSON object as it is, anything else as an empty one. */
export const asObject = (value: unknown): Json => (isObject(value) ? value : {});

/** A body's JSON object. @throws FlotillaError `invalid` for anything else: engines before 28 call that their own fault. */
export function parseObject(body: Buffer): Json {
  const document = parseJson(body.toString("utf8"));
  if (!isObject(document)) throw invalid("invalid JSON: the request's body must be an object");
  return document;
}

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const keyOf = (object: Json, name: string): string | undefined =>
  Object.hasOwn(object, name)
    ? name
    : Object.keys(object).find((candidate) => candidate.toLowerCase() === name.toLowerCase());
