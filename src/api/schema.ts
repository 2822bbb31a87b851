import { isOlder } from "./api-version.ts";
import { invalid } from "./errors.ts";

/**
 * Documents as tables of fields. From one table follow both how a request's JSON is read (as Go reads it: field names
 * in any case of letters, unknown fields ignored, null is absent, wrong types refused) and the one form in which it is
 * stored and given out again (Docker's order of fields, its omissions, its empty structs).
 */

/** Where a value stands, for error texts, and the client's API version, for fields that are newer. */
export interface Place {
  readonly path: string;
  readonly version: string;
}

/** How one type is read. `zero` is Go's zero value; a sparse field that holds it is left out. */
export interface Codec<T> {
  /** @throws FlotillaError `invalid` for a wrong type. */
  decode(value: unknown, place: Place): T;
  zero(): T;
  isZero(value: T): boolean;
}

/**
 * What becomes of a field that is absent: `always` stores its zero value; `sparse` leaves it out, and zero values too;
 * `pointer` leaves it out but keeps a zero that was sent; `nullable` stores null; `filled` stores a default.
 */
export interface Field<T> {
  readonly codec: Codec<T>;
  readonly presence: "always" | "sparse" | "pointer" | "nullable" | "filled";
  readonly fill?: T;
  /** Ignored in requests of older clients. */
  readonly since?: string;
}

export const always = <T>(codec: Codec<T>): Field<T> => ({ codec, presence: "always" });
export const sparse = <T>(codec: Codec<T>): Field<T> => ({ codec, presence: "sparse" });
export const pointer = <T>(codec: Codec<T>): Field<T> => ({ codec, presence: "pointer" });
export const nullable = <T>(codec: Codec<T>): Field<T> => ({ codec, presence: "nullable" });
export const filled = <T>(fill: T, codec: Codec<T>): Field<T> => ({ codec, presence: "filled", fill });
export const since = <T>(version: string, field: Field<T>): Field<T> => ({ ...field, since: version });

/** The table of a document: a row for each field of `T`, in Docker's order. A field without a row does not compile. */
export type Fields<T> = { readonly [K in keyof T]-?: Field<Exclude<T[K], null | undefined>> };

export function struct<T extends object>(fields: Fields<T>): Codec<T> {
  const rows = Object.entries<Field<unknown>>(fields).map(([name, field]) => ({
    name,
    key: name.toLowerCase(),
    field,
  }));
  const decodeRows = (given: ReadonlyMap<string, unknown>, { path, version }: Place): T => {
    const decoded: Record<string, unknown> = {};
    for (const { name, key, field } of rows) {
      const isKnown = field.since === undefined || !isOlder(version, field.since);
      const value = decodeField(field, isKnown ? given.get(key) : undefined, { path: `${path}.${name}`, version });
      if (value !== undefined) decoded[name] = value;
    }
    return decoded as T;
  };
  return {
    decode: (value, place) => decodeRows(foldedEntries(value, place), place),
    zero: () => decodeRows(new Map(), { path: "", version: "" }),
    isZero: () => false,
  };
}

function decodeField<T>(field: Field<T>, value: unknown, place: Place): T | null | undefined {
  const { codec, presence } = field;
  if (value === undefined || value === null) {
    if (presence === "filled") return field.fill;
    if (presence === "nullable") return null;
    return presence === "always" ? codec.zero() : undefined;
  }
  const decoded = codec.decode(value, place);
  if (presence === "sparse" && codec.isZero(decoded)) return undefined;
  return presence === "filled" && codec.isZero(decoded) ? field.fill : decoded;
}

/** A document's fields by lower-cased name; of two that differ in case only, the later one counts. */
function foldedEntries(value: unknown, place: Place): ReadonlyMap<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrongType(value, "object", place);
  return new Map(Object.entries(value).map(([key, field]) => [key.toLowerCase(), field]));
}

export function list<T>(codec: Codec<T>): Codec<readonly T[]> {
  return {
    decode: (value, place) => {
      if (!Array.isArray(value)) throw wrongType(value, "array", place);
      return value.map((item) => (item === null ? codec.zero() : codec.decode(item, place)));
    },
    zero: () => [],
    isZero: (items) => items.length === 0,
  };
}

/** String to string. Any key is just a key, `__proto__` too. */
export const labels: Codec<Readonly<Record<string, string>>> = {
  decode: (value, place) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw wrongType(value, "map[string]string", place);
    }
    return Object.fromEntries(
      Object.entries(value).map(([key, text]) => [key, text === null ? "" : string.decode(text, place)]),
    );
  },
  zero: () => ({}),
  isZero: (map) => Object.keys(map).length === 0,
};

export const string: Codec<string> = {
  decode: (value, place) => {
    if (typeof value !== "string") throw wrongType(value, "string", place);
    return value;
  },
  zero: () => "",
  isZero: (text) => text === "",
};

export const bool: Codec<boolean> = {
  decode: (value, place) => {
    if (typeof value !== "boolean") throw wrongType(value, "bool", place);
    return value;
  },
  zero: () => false,
  isZero: (flag) => !flag,
};

/** Whole numbers in a range. */
const integer = (name: string, low: number, high: number): Codec<number> => ({
  decode: (value, place) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high) {
      throw wrongType(value, name, place);
    }
    return value;
  },
  zero: () => 0,
  isZero: (number) => number === 0,
});

/** Beyond 2^53 a double would not hold what was sent, so such numbers are refused. */
export const int64 = integer("int64", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
export const uint64 = integer("uint64", 0, Number.MAX_SAFE_INTEGER);
export const uint32 = integer("uint32", 0, 2 ** 32 - 1);
/** 292 years: the largest double below 2^63. */
const MAX_DURATION = 2 ** 63 - 2 ** 10;
/** Nanoseconds. Beyond 104 days they are rounded to what a double holds; whole seconds are exact for 146 years. */
export const duration = integer("time.Duration", -MAX_DURATION, MAX_DURATION);

export const float: Codec<number> = {
  decode: (value, place) => {
    if (typeof value !== "number" || !Number.isFinite(value)) throw wrongType(value, "float32", place);
    return value;
  },
  zero: () => 0,
  isZero: (number) => number === 0,
};

/** Base64, in its one canonical form. */
export const bytes: Codec<string> = {
  decode: (value, place) => {
    const text = string.decode(value, place).replaceAll(/[\r\n]/g, "");
    if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
      throw invalid(`invalid JSON: illegal base64 data in ${place.path}`);
    }
    return text;
  },
  zero: () => "",
  isZero: (text) => text === "",
};

/** One of `words`, or "". `refusal` is the text for anything else; `fold` makes the case of letters irrelevant. */
export function oneOf<W extends string>(
  words: readonly W[],
  refusal: (text: string) => string,
  fold = false,
): Codec<W> {
  return {
    decode: (value, place) => {
      const text = string.decode(value, place);
      const word = words.find((candidate) => candidate === (fold ? text.toLowerCase() : text));
      if (word === undefined && text !== "") throw invalid(refusal(text));
      return word ?? ("" as W);
    },
    zero: () => "" as W,
    isZero: (word) => (word as string) === "",
  };
}

function wrongType(value: unknown, wanted: string, place: Place): Error {
  const number = typeof value === "number" ? `number ${value}` : undefined;
  const found = number ?? (Array.isArray(value) ? "array" : value === null ? "null" : typeof value);
  const word = found === "boolean" ? "bool" : found;
  return invalid(`invalid JSON: json: cannot unmarshal ${word} into field ${place.path} of type ${wanted}`);
}
