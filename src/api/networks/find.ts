import { invalid } from "#api/errors.ts";
import { errorCode, FlotillaError } from "#base/errors.ts";

/** A network of the engine or of the cluster, to be found by what a client calls it. */
export interface Findable {
  readonly id: string;
  readonly name: string;
}

/** How Docker says that a name, or the beginning of an id, fits several networks. */
export type Ambiguity = (term: string, count: number, basis: "name" | "ID prefix") => string;

/** Of `GET /networks/{id}`. */
export const INSPECT_AMBIGUITY: Ambiguity = (term, count, basis) =>
  `${count} matches found based on ${basis}: network ${term} is ambiguous`;

/** Of all other calls. */
export const AMBIGUITY: Ambiguity = (term, count, basis) =>
  `network ${term} is ambiguous (${count} matches found based on ${basis})`;

/**
 * The network that `term` means: by its full id, else by its exact name, else by the beginning of its id.
 * @param networks the engine's first: an id that both have is the engine's.
 * @throws FlotillaError `not_found`; `invalid` when several fit.
 */
export function findNetwork<T extends Findable>(networks: readonly T[], term: string, ambiguity = AMBIGUITY): T {
  const exact = networks.find(({ id }) => id === term);
  if (exact !== undefined) return exact;
  const named = networks.filter(({ name }) => name === term);
  const matches = named.length > 0 ? named : networks.filter(({ id }) => id.startsWith(term));
  const [first] = matches;
  if (first === undefined) throw new FlotillaError("not_found", `network ${term} not found`);
  if (matches.length === 1) return first;
  throw invalid(ambiguity(term, matches.length, named.length > 0 ? "name" : "ID prefix"));
}

/** Like `findNetwork`, but undefined when there is none. @throws FlotillaError `invalid` when several fit. */
export function tryFind<T extends Findable>(networks: readonly T[], term: string): T | undefined {
  try {
    return findNetwork(networks, term);
  } catch (err) {
    if (errorCode(err) === "not_found") return undefined;
    throw err;
  }
}

/** Whether `term` means one of the networks, or is ambiguous among them. */
export function isAmong(networks: readonly Findable[], term: string): boolean {
  try {
    return tryFind(networks, term) !== undefined;
  } catch {
    return true;
  }
}
