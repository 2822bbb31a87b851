import type { Fact } from "#network/wanted.ts";

/** The families of nftables that have a table of ours. */
export type Family = "ip" | "bridge";

/**
 * A changing part of our tables: an element of one of its sets or maps, or a chain. All else of the tables is always the
 * same. An element's `value` is what a map has for it, empty in a set; a chain's are its rules, one a line.
 */
export interface RuleFact extends Fact {
  readonly family: Family;
  readonly type: "element" | "chain";
  /** Of the set or map, or of the chain. */
  readonly name: string;
  /** The element; empty for a chain. */
  readonly element: string;
}

export const element = (family: Family, set: string, key: string, value = ""): RuleFact => ({
  key: `${family} ${set} ${key}`,
  value,
  family,
  type: "element",
  name: set,
  element: key,
});

export const chain = (name: string, rules: readonly string[]): RuleFact => ({
  key: `ip chain ${name}`,
  value: rules.join("\n"),
  family: "ip",
  type: "chain",
  name,
  element: "",
});

/** A concatenation, as the keys of most sets are. */
export const joined = (...parts: readonly (string | number)[]): string => parts.join(" . ");

export const quoted = (device: string): string => `"${device}"`;
