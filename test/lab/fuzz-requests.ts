import { type Random, randomInt } from "#base/random.ts";
import { chance, DOCUMENTS, type Json, LONG, mutate, pick, STRINGS, VALUES } from "./fuzz-documents.ts";

/** A request that a careless or hostile client could send. */
export interface FuzzRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

function breakText(random: Random, text: string): string {
  const at = randomInt(random, 0, text.length + 1);
  const ways = [
    () => text.slice(0, at),
    () => `${text.slice(0, at)}\u0000${text.slice(at)}`,
    () => text.replace(/[0-9]+/, "NaN"),
    () => `{"__proto__":{"polluted":true},${text.slice(1)}`,
    () => `${text}${text}`,
    () => "[".repeat(100_000),
    () => "",
  ];
  return pick(random, ways)();
}

const FLAGS = [
  "force",
  "status",
  "insertDefaults",
  "rotateWorkerToken",
  "version",
  "follow",
  "stdout",
  "stderr",
  "tail",
];
const TIMES = ["since", "until", "timestamps", "details", "size", "rollback", "registryAuthFrom", "scope", "verbose"];
const FILTERS = ["id", "name", "label", "role", "membership", "desired-state", "node", "service", "mode", "runtime"];

const renderValue = (value: Json): string =>
  (typeof value === "string" ? value : JSON.stringify(value)).slice(0, 4_000);

function renderQuery(random: Random): string {
  const query = new URLSearchParams();
  while (chance(random, 50)) query.append(pick(random, [...FLAGS, ...TIMES]), renderValue(pick(random, VALUES)));
  if (chance(random, 30)) {
    const value: Json = pick<Json>(random, [["x"], { x: true }, { x: 1 }, pick(random, VALUES)]);
    const text = JSON.stringify({ [pick(random, [...FILTERS, ...STRINGS])]: value }).slice(0, 4_000);
    query.set("filters", chance(random, 80) ? text : breakText(random, text).slice(0, 4_000));
  }
  return query.size === 0 ? "" : `?${query.toString()}`;
}

const VERSIONS = [
  "",
  "",
  "",
  "/v1.41",
  "/v1.24",
  "/v1.40",
  "/v1.99",
  "/v0.1",
  "/v1",
  "/v1.41.1",
  "/v9999999999",
  "/v.",
];
const METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"];

/** A request for a route: mostly right, and wrong somewhere. `ids` are names and ids that exist. */
export function fuzzRequest(
  random: Random,
  route: { readonly method: string; readonly path: string },
  ids: readonly string[],
): FuzzRequest {
  const id = chance(random, 60) ? pick(random, ids) : pick(random, STRINGS).slice(0, 4_000).toWellFormed();
  const path = route.path.replace(":id", encodeURIComponent(id));
  const method = chance(random, 95) ? route.method : pick(random, METHODS);
  const target = pick(random, VERSIONS) + path + renderQuery(random);
  const headers: Record<string, string> = {};
  if (chance(random, 10)) headers["X-Registry-Auth"] = pick(random, ["!", "e30=", "bnVsbA==", LONG]);
  if (method !== "POST") return { method, target, headers, body: undefined };
  headers["Content-Type"] = chance(random, 95) ? "application/json" : pick(random, ["", "text/plain", "a/b;;;", LONG]);
  let document: Json = DOCUMENTS.find(([matches]) => matches.test(route.path))?.[1] ?? {};
  while (chance(random, 70)) document = mutate(random, document);
  const text = JSON.stringify(document);
  return { method, target, headers, body: chance(random, 85) ? text : breakText(random, text) };
}
