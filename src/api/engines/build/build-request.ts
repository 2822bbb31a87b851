import { parseJson } from "#api/body.ts";
import { isFlagSet } from "#api/query.ts";
import { asObject } from "#api/raw-document.ts";
import type { Labels } from "#model/spec.ts";
import type { Demand } from "#plan/place/host.ts";
import { extractWishes, type PlacementWishes } from "#plan/place/wish.ts";
import type { BuildArgs } from "./base-images.ts";

/** `POST /build`, taken apart. */
export interface BuildRequest {
  /** The names that the image gets. */
  readonly names: readonly string[];
  /** The name of the Dockerfile in the context, or "". */
  readonly dockerfile: string;
  readonly args: BuildArgs;
  /** Where the builder gets the context from, if not from the request's body: `client-session`, an address, or "". */
  readonly remote: string;
  /** By which the client's further calls for the build name it. */
  readonly ids: readonly string[];
  /** Of the build whose context this is, when that is asked for in another call. */
  readonly uploadFor: string | undefined;
  /** Base images are to be pulled although they may be there. */
  readonly pulls: boolean;
  /** Nothing is to be told but the image's id. */
  readonly isQuiet: boolean;
  readonly demand: Demand;
  readonly wishes: PlacementWishes;
  /** For the engine: without what was meant for the cluster. */
  readonly query: URLSearchParams;
}

/** Before a build's id in the second of two calls, which has only the context. Source: moby, builder-next. */
const UPLOAD_PREFIX = "upload-request:";

/** The engine's own, when a quota comes without its period. Source: Linux, cpu.cfs_period_us. */
const DEFAULT_CPU_PERIOD = 100_000;
const WISH_LABEL = /^com\.docker\.swarm\./;

/**
 * Takes wishes for a place out of build arguments (`constraint:node==h2`) and labels.
 * @throws FlotillaError `invalid` for an expression that is none, and for what is no JSON.
 */
export function parseBuild(given: URLSearchParams): BuildRequest {
  const query = new URLSearchParams(given);
  const args = jsonIn(query, "buildargs") as BuildArgs;
  const labels = jsonIn(query, "labels") as Labels;
  // The client has cut `constraint:node==h2` in two at the first sign of equality.
  const { wishes, env } = extractWishes(
    Object.entries(args).map(([name, value]) => `${name}=${value ?? ""}`),
    labels,
  );
  const kept = new Set(env.map((variable) => variable.split("=", 1)[0]));
  const own = Object.fromEntries(Object.entries(args).filter(([name]) => kept.has(name)));
  if (query.has("buildargs")) query.set("buildargs", JSON.stringify(own));
  const ownLabels = Object.entries(labels).filter(([name]) => !WISH_LABEL.test(name));
  if (query.has("labels")) query.set("labels", JSON.stringify(Object.fromEntries(ownLabels)));
  const buildId = query.get("buildid") ?? "";
  const quota = numberIn(query, "cpuquota");
  const period = numberIn(query, "cpuperiod") || DEFAULT_CPU_PERIOD;
  return {
    names: query.getAll("t").filter((name) => name !== ""),
    dockerfile: query.get("dockerfile") ?? "",
    args: own,
    remote: query.get("remote") ?? "",
    ids: [query.get("session") ?? "", buildId].filter((id) => id !== ""),
    uploadFor: buildId.startsWith(UPLOAD_PREFIX) ? buildId.slice(UPLOAD_PREFIX.length) : undefined,
    pulls: isFlagSet(query, "pull"),
    isQuiet: isFlagSet(query, "q"),
    demand: { nanoCpus: Math.round((quota / period) * 1e9), memoryBytes: numberIn(query, "memory"), ports: [] },
    wishes,
    query,
  };
}

function jsonIn(query: URLSearchParams, key: string): Readonly<Record<string, unknown>> {
  const text = query.get(key) ?? "";
  return text === "" ? {} : asObject(parseJson(text));
}

/** 0 for what is absent, or means no limit. */
const numberIn = (query: URLSearchParams, key: string): number => {
  const value = Number(query.get(key) ?? 0);
  return value > 0 ? value : 0;
};
