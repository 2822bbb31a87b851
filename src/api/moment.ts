import type { Timestamp } from "#model/objects.ts";
import { invalid } from "./errors.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * A moment as Docker's filters take it: a time span before now (`24h`, `1h30m`), seconds since the epoch, or a date with
 * or without time and zone. Source: moby api/types/time.
 * @throws FlotillaError `invalid`
 */
export function parseMoment(text: string, now: Timestamp): Timestamp {
  if (/^-?[0-9]{1,15}(?:\.[0-9]{1,9})?$/.test(text)) return Number(text) * 1_000;
  if (/^(?:[0-9]{1,15}(?:\.[0-9]{1,9})?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return now - spanMs(text);
  const time = /^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]{2,20}(?:Z|[+-][0-9]{2}:[0-9]{2})?)?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(time)) throw invalid(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return time;
}

function spanMs(text: string): number {
  let sum = 0;
  for (const [, amount, unit = ""] of text.matchAll(/([0-9.]+)([a-zµ]+)/g))
    sum += Number(amount) * (UNIT_MS[unit] ?? 0);
  return sum;
}
