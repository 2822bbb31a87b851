import { templateError } from "./template-lexer.ts";

/** A value that a template can hold. As in Go, a record has fixed fields, and a map has keys that may be missing. */
export type Value = string | number | boolean | null | readonly Value[] | ReadonlyMap<string, Value> | RecordValue;
export interface RecordValue {
  readonly [field: string]: Value;
}

export type TemplateFunction = (...args: readonly Value[]) => Value;

export const isMap = (value: Value): value is ReadonlyMap<string, Value> => value instanceof Map;
export const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

/** A map's entries in the order in which Go ranges over them. */
export const sortedEntries = (map: ReadonlyMap<string, Value>): [string, Value][] =>
  [...map].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));

/** What Go calls the truth of a value: false for what is zero or empty. A record is always true. */
export function isTrue(value: Value): boolean {
  if (isMap(value)) return value.size > 0;
  if (isList(value)) return value.length > 0;
  return Boolean(value);
}

/** A value as Go prints it. */
export function renderValue(value: Value): string {
  if (value === null) return "<no value>";
  if (isList(value)) return `[${value.map(renderValue).join(" ")}]`;
  if (isMap(value)) {
    return `map[${sortedEntries(value)
      .map(([key, item]) => `${key}:${renderValue(item)}`)
      .join(" ")}]`;
  }
  if (typeof value === "object") return `{${Object.values(value).map(renderValue).join(" ")}}`;
  return String(value);
}

/** The functions that every template has: those of Go which make sense for placeholders, and Docker's `join`. */
export const TEMPLATE_FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ["index", (target, ...keys) => keys.reduce<Value>(indexed, target ?? null)],
  ["len", (value) => sizeOf(value ?? null)],
  ["not", (value) => !isTrue(value ?? null)],
  ["and", (...args) => args.find((value) => !isTrue(value)) ?? args.at(-1) ?? null],
  ["or", (...args) => args.find(isTrue) ?? args.at(-1) ?? null],
  ["eq", (first, ...rest) => rest.some((other) => compare("eq", first, other) === 0)],
  ["ne", (a, b) => compare("ne", a, b) !== 0],
  ["lt", (a, b) => compare("lt", a, b) < 0],
  ["le", (a, b) => compare("le", a, b) <= 0],
  ["gt", (a, b) => compare("gt", a, b) > 0],
  ["ge", (a, b) => compare("ge", a, b) >= 0],
  ["print", (...args) => print(args)],
  ["println", (...args) => `${args.map(renderValue).join(" ")}\n`],
  ["printf", (format, ...args) => printf(text("printf", format ?? null), args)],
  // Docker's order: the separator first, then the strings.
  ["join", (separator, ...args) => args.map((arg) => text("join", arg)).join(text("join", separator ?? null))],
]);

/** The string that a function needs. */
export function text(name: string, value: Value): string {
  if (typeof value !== "string") throw templateError(`${name} wants a string, not ${renderValue(value)}`);
  return value;
}

function indexed(target: Value, key: Value): Value {
  // A missing key is not an error here: labels are text, so their zero value is empty text.
  if (isMap(target)) return target.get(text("index", key)) ?? "";
  if (isList(target)) {
    const item = typeof key === "number" ? target[key] : undefined;
    if (item === undefined) throw templateError(`index out of range: ${renderValue(key)}`);
    return item;
  }
  throw templateError(`can't index ${renderValue(target)}`);
}

function sizeOf(value: Value): number {
  if (isMap(value)) return value.size;
  if (isList(value)) return value.length;
  if (typeof value === "string") return new TextEncoder().encode(value).length;
  throw templateError(`len of ${renderValue(value)}`);
}

function compare(name: string, a: Value = null, b: Value = null): number {
  if (a === null || b === null || typeof a === "object" || typeof a !== typeof b) {
    throw templateError(`${name} can't compare ${renderValue(a)} with ${renderValue(b)}`);
  }
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Go puts a space between two values when neither is text. */
const print = (args: readonly Value[]): string =>
  args.reduce<string>((line, value, at) => {
    const spaced = at > 0 && typeof value !== "string" && typeof args[at - 1] !== "string";
    return `${line}${spaced ? " " : ""}${renderValue(value)}`;
  }, "");

const VERB = /%(-?)(0?)(\d{0,3})([a-zA-Z%])/g;

function printf(format: string, args: readonly Value[]): string {
  let used = 0;
  const line = format.replace(VERB, (all, left: string, zero: string, width: string, verb: string) => {
    if (verb === "%") return "%";
    const value = args[used++];
    if (value === undefined) throw templateError(`printf has no argument for ${all}`);
    const shown = formatVerb(verb, value);
    if (left) return shown.padEnd(Number(width));
    return shown.padStart(Number(width), zero ? "0" : " ");
  });
  if (used < args.length) throw templateError(`printf has more arguments than ${JSON.stringify(format)} uses`);
  return line;
}

function formatVerb(verb: string, value: Value): string {
  if (verb === "v") return renderValue(value);
  if (verb === "s" && typeof value === "string") return value;
  if (verb === "q" && typeof value === "string") return JSON.stringify(value);
  if (verb === "t" && typeof value === "boolean") return String(value);
  if (verb === "d" && Number.isInteger(value)) return renderValue(value);
  throw templateError(`unsupported: printf of ${renderValue(value)} with %${verb}`);
}
