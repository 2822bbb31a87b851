import { runInThisContext } from "node:vm";
import { invalid } from "#api/errors.ts";
import type { Filters } from "#api/filters.ts";
import type { ClusterNetwork } from "./cluster-networks.ts";
import { isBuiltin } from "./engine-networks.ts";

export const NETWORK_FILTERS = ["dangling", "driver", "id", "label", "name", "scope", "type"];

/** How long the patterns of a filter may take on all networks together: one may be written to take for ever. */
const PATTERN_MS = 200;

/**
 * The networks of the cluster that `filters` keep. `name` and `id` are patterns that match anywhere, as for the engine's
 * own networks. What the engine refuses of the filters has been refused before.
 * @throws FlotillaError `invalid`
 */
export function filterNetworks(networks: readonly ClusterNetwork[], filters: Filters): readonly ClusterNetwork[] {
  const types = filters.get("type");
  const dangling = filters.get("dangling")[0];
  const isNamed = patternTest(
    filters.get("name"),
    networks.map(({ name }) => name),
  );
  const isIdentified = patternTest(
    filters.get("id"),
    networks.map(({ id }) => id),
  );
  return networks.filter(
    (network) =>
      isNamed(network.name) &&
      isIdentified(network.id) &&
      filters.isOneOf("driver", network.facts.driver) &&
      filters.isOneOf("scope", "swarm") &&
      filters.matchesLabels("label", network.facts.labels ?? {}) &&
      (types.length === 0 || types.includes(isBuiltin(network.name) ? "builtin" : "custom")) &&
      (dangling === undefined || network.isUsed() !== isTrue(dangling)),
  );
}

const isTrue = (word: string): boolean => word === "true" || word === "1";

/** Whether a text is one of `patterns`, or one of them matches in it; a pattern that is none matches only itself. */
function patternTest(patterns: readonly string[], texts: readonly string[]): (text: string) => boolean {
  if (patterns.length === 0) return () => true;
  const expressions = patterns.filter(isExpression);
  const code = `${JSON.stringify(texts)}.filter((text) =>
    ${JSON.stringify(expressions)}.some((pattern) => new RegExp(pattern).test(text)))`;
  const matching = new Set<string>(runWithin(code));
  return (text) => patterns.includes(text) || matching.has(text);
}

function isExpression(pattern: string): boolean {
  try {
    return new RegExp(pattern) instanceof RegExp;
  } catch {
    return false;
  }
}

/** Patterns are not ours, and some take longer than the world exists: only here can they be stopped. */
function runWithin(code: string): readonly string[] {
  try {
    return runInThisContext(code, { timeout: PATTERN_MS });
  } catch (err) {
    throw invalid("the patterns of the filter take too long: use simpler ones", err);
  }
}
