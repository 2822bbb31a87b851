import { parseDurationMs } from "#base/duration.ts";
import type { Timestamp } from "#model/objects.ts";
import { invalid } from "./errors.ts";

/**
 * A moment as Docker's filters take it: a time span before now (`24h`, `1h30m`), seconds since the epoch, or a date with
 * or without time and zone. Source: moby api/types/time.
 * @throws FlotillaError `invalid`
 */
export function parseMoment(text: string, now: Timestamp): Timestamp {
  if (/^-?[0-9]{1,15}(?:\.[0-9]{1,9})?$/.test(text)) return Number(text) * 1_000;
  const ago = parseDurationMs(text);
  if (ago !== undefined && ago >= 0) return now - ago;
  const time = /^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]{2,20}(?:Z|[+-][0-9]{2}:[0-9]{2})?)?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(time)) throw invalid(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return time;
}
