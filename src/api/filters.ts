import type { Labels } from "#model/spec.ts";
import { invalid } from "./errors.ts";

/** The `filters` of a list request: for each key, the values that were asked for. */
export class Filters {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  get(key: string): readonly string[] {
    return this.#values.get(key) ?? [];
  }

  /** @throws FlotillaError `invalid` for a key that is not in `accepted`. */
  accept(accepted: readonly string[]): this {
    for (const key of this.#values.keys()) {
      if (!accepted.includes(key)) throw invalid(`invalid filter '${key}'`);
    }
    return this;
  }

  /** The same, with each value of the key changed. */
  changed(key: string, change: (value: string) => string): Filters {
    return new Filters(
      new Map([...this.#values, ...(this.has(key) ? [[key, this.get(key).map(change)] as const] : [])]),
    );
  }

  /** The others as JSON, for an engine. */
  without(keys: readonly string[]): string {
    const rest = [...this.#values].filter(([key]) => !keys.includes(key));
    return JSON.stringify(Object.fromEntries(rest));
  }

  /** Whether `text` is one of the key's values; true without any. */
  isOneOf(key: string, text: string): boolean {
    const values = this.get(key);
    return values.length === 0 || values.includes(text);
  }

  /** Whether `text` begins with one of the key's values; true without any. */
  hasPrefixOf(key: string, text: string): boolean {
    const values = this.get(key);
    return values.length === 0 || values.some((prefix) => text.startsWith(prefix));
  }

  /** Whether `labels` has every label of the key: `name`, or `name=value`. */
  matchesLabels(key: string, labels: Labels | undefined): boolean {
    return this.get(key).every((wanted) => {
      const [name, value] = cutLabel(wanted);
      if (labels === undefined || !Object.hasOwn(labels, name)) return false;
      return value === "" || labels[name] === value;
    });
  }
}

/**
 * Parses the `filters` of a query: `{"key": {"value": true}}`, or the older `{"key": ["value"]}`.
 * @throws FlotillaError `invalid`
 */
export function parseFilters(query: URLSearchParams): Filters {
  const text = query.get("filters") ?? "";
  if (text === "") return new Filters(new Map());
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (err) {
    throw invalid("invalid filter", err);
  }
  if (document === null) return new Filters(new Map());
  if (typeof document !== "object" || Array.isArray(document)) throw invalid("invalid filter");
  return new Filters(new Map(Object.entries(document).map(([key, values]) => [key, parseValues(values)])));
}

function parseValues(values: unknown): readonly string[] {
  if (values === null) return [];
  if (Array.isArray(values) && values.every((value) => typeof value === "string")) return values;
  if (typeof values !== "object" || Array.isArray(values)) throw invalid("invalid filter");
  const entries = Object.entries(values);
  if (!entries.every(([, isWanted]) => typeof isWanted === "boolean")) throw invalid("invalid filter");
  return entries.map(([value]) => value);
}

function cutLabel(text: string): readonly [name: string, value: string] {
  const at = text.indexOf("=");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
