import type { Explanation } from "#manager/why/explanation.ts";
import { renderExplanation } from "#manager/why/render.ts";
import { askApi, refusalOf } from "./api-client.ts";
import { defaultApiHost } from "./api-host.ts";
import { until } from "./interrupt.ts";

/** How long a manager may take to answer. */
const ANSWER_MS = 30_000;

export interface WhyOptions {
  /** Where to ask, as `-H` names it; see `defaultApiHost` for when it is undefined. */
  readonly host: string | undefined;
  /** The explanation as the API gives it, rather than as text. */
  readonly json: boolean;
}

/**
 * Prints why a service, task or node of the cluster is as it is.
 * @throws FlotillaError with the manager's message; `precondition` when what answers is no Flotilla daemon.
 */
export async function printWhy(name: string, { host, json }: WhyOptions): Promise<void> {
  using interrupt = until("SIGINT", "SIGTERM");
  const signal = AbortSignal.any([interrupt.signal, AbortSignal.timeout(ANSWER_MS)]);
  const explanation = await askWhy(name, host ?? (await defaultApiHost(signal)), signal);
  process.stdout.write(json ? `${JSON.stringify(explanation, undefined, 2)}\n` : renderExplanation(explanation));
}

/** Asks the manager behind `host`. @throws as `printWhy`. */
export async function askWhy(name: string, host: string, signal: AbortSignal): Promise<Explanation> {
  const reply = await askApi(host, `/flotilla/why/${encodeURIComponent(name)}`, signal);
  if (reply.status === 200) return reply.body as Explanation;
  throw refusalOf(reply, host, reply.status === 404 ? "not_found" : "unavailable");
}
