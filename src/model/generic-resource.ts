import { FlotillaError } from "#base/errors.ts";
import type { GenericResource } from "./spec.ts";

const INTEGER = /^[+-]?\d+$/;

/**
 * Generic resources as command lines write them: `ssd=4` is a count, `gpu=UUID1,gpu=UUID2` are named units of one kind.
 * Each entry of `list` may hold several terms, separated by commas. Kinds come out in the order of their first term.
 * @throws FlotillaError `invalid`, with Docker's text.
 */
export function parseGenericResources(list: readonly string[]): readonly GenericResource[] {
  const kinds = new Map<string, string[]>();
  for (const term of list.flatMap((entry) => entry.split(","))) {
    const [kind, value, ...rest] = term.split("=").map((part) => part.trim());
    if (kind === undefined || value === undefined || rest.length > 0) {
      throw malformed(`incorrect term ${term}, missing '=' or malformed expression`);
    }
    const values = kinds.get(kind);
    if (values === undefined) kinds.set(kind, [value]);
    else values.push(value);
  }
  return [...kinds].flatMap(([kind, values]) => resourcesOfKind(kind, values));
}

function resourcesOfKind(kind: string, values: readonly string[]): readonly GenericResource[] {
  const [only] = values;
  if (only !== undefined && values.length === 1 && INTEGER.test(only)) {
    const count = Number(only);
    if (count < 0) throw malformed(`cannot ask for negative resource ${kind}`);
    return [{ DiscreteResourceSpec: { Kind: kind, Value: count } }];
  }
  if (values.some((value) => INTEGER.test(value))) {
    throw malformed(`mixed discrete and named resources in expression '${kind}=[${values.join(" ")}]'`);
  }
  return [...new Set(values)].map((value) => ({ NamedResourceSpec: { Kind: kind, Value: value } }));
}

const malformed = (problem: string): FlotillaError =>
  new FlotillaError("invalid", `could not parse GenericResource: ${problem}`);
