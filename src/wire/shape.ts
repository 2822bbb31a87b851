import { FlotillaError } from "#base/errors.ts";
import { decodeJson } from "./json.ts";

/** Throws FlotillaError `invalid`, naming `path`, unless the value has the shape. */
export type Shape = (value: unknown, path: string) => void;

const refuse = (path: string, want: string): never => {
  throw new FlotillaError("invalid", `${path} must be ${want}`);
};

export const text: Shape = (value, path) => void (typeof value === "string" || refuse(path, "a string"));

export const number: Shape = (value, path) =>
  void ((typeof value === "number" && Number.isFinite(value)) || refuse(path, "a number"));

export const oneOf =
  (values: readonly string[]): Shape =>
  (value, path) =>
    void ((typeof value === "string" && values.includes(value)) || refuse(path, `one of ${values.join(", ")}`));

export const optional =
  (shape: Shape): Shape =>
  (value, path) => {
    if (value !== undefined) shape(value, path);
  };

export const listOf =
  (shape: Shape): Shape =>
  (value, path) => {
    if (!Array.isArray(value)) return refuse(path, "a list");
    value.forEach((item: unknown, index) => shape(item, `${path}[${index}]`));
  };

/** An object whose members all have one shape. */
export const mapOf =
  (shape: Shape): Shape =>
  (value, path) => {
    for (const [key, member] of members(value, path)) shape(member, `${path}.${key}`);
  };

/** An object with these members; others are let through, for the sake of newer agents. */
export const record =
  (shapes: Readonly<Record<string, Shape>>): Shape =>
  (value, path) => {
    const found = new Map(members(value, path));
    for (const [key, shape] of Object.entries(shapes)) shape(found.get(key), `${path}.${key}`);
  };

const members = (value: unknown, path: string): readonly [string, unknown][] =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : refuse(path, "an object");

/** Decodes JSON that comes from a node which may be broken or hostile. `T` is what `shape` checks. */
export function parseJson<T>(bytes: Uint8Array, shape: Shape, name: string): T {
  const value = decodeJson<unknown>(bytes);
  shape(value, name);
  return value as T;
}
