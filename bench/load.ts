import { run } from "#lab/command.ts";

/** Somewhere to run commands: a lab (as a client that is none of its hosts), a host, a container's network. */
export interface Place {
  enter(argv: readonly string[]): readonly string[];
}

/** What a web server achieved. */
export interface Load {
  /** Time per request at full load: the inverse of requests per second, in µs. */
  readonly requestUs: number;
  /** What 99 of 100 requests took at most, in ms. */
  readonly p99Ms: number;
}

export interface LoadOrder {
  readonly from: Place;
  readonly url: string;
  /** The CPUs that the client may use, as `taskset` takes them. */
  readonly cpu: string;
}

/** How long each load lasts, in s. */
const SECONDS = 1;
/** Connections at a time. */
const CONNECTIONS = 16;

/** Asks a URL as fast as it answers, with a new connection for each request or always over the same ones. */
export async function load(order: LoadOrder, connections: "new" | "kept", signal: AbortSignal): Promise<Load> {
  const { from, url, cpu } = order;
  const options = ["--threads", "1", "--connections", String(CONNECTIONS), "--duration", `${SECONDS}s`, "--latency"];
  const close = connections === "new" ? ["--header", "Connection: close"] : [];
  const wrk = ["taskset", "--cpu-list", cpu, "wrk", ...options, ...close, url];
  return parseWrk(await run({ argv: from.enter(wrk) }, signal));
}

/** wrk's units of time, in ms. */
const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000 };

/** @throws Error when something else than answers with status 200 came back. */
export function parseWrk(output: string): Load {
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
  const [, value, unit = ""] = /\s99%\s+([\d.]+)(us|ms|s|m)\b/.exec(output) ?? [];
  const timedOut = Number(/timeout (\d+)/.exec(output)?.[1] ?? 0);
  if (!(perSecond > 0) || output.includes("Non-2xx") || timedOut > 0) throw new Error(`no fair measure:\n${output}`);
  return { requestUs: 1e6 / perSecond, p99Ms: Number(value) * (UNITS[unit] ?? Number.NaN) };
}
