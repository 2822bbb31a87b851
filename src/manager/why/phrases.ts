import type { Timestamp } from "#model/objects.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** The units of a duration, and from how many of the next smaller one on each is used. */
const UNITS = [
  { name: "day", ms: DAY_MS, from: 2 * DAY_MS },
  { name: "hour", ms: HOUR_MS, from: 2 * HOUR_MS },
  { name: "minute", ms: MINUTE_MS, from: 2 * MINUTE_MS },
] as const;

/** "1 task", "3 tasks". */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** A duration in its largest fitting unit, rounded up: "5 seconds", "4 minutes", "3 days". */
export function duration(ms: number): string {
  const unit = UNITS.find(({ from }) => ms >= from) ?? { name: "second", ms: SECOND_MS };
  return counted(Math.ceil(Math.max(0, ms) / unit.ms), unit.name);
}

/** A past moment: "10:31:05 UTC (4 minutes ago)", with the date when it was more than a day ago. */
export const moment = (at: Timestamp, now: Timestamp): string => `${clockTime(at, now)} (${duration(now - at)} ago)`;

/** A moment to come: "10:31:05 UTC (in 4 seconds)". */
export const deadline = (at: Timestamp, now: Timestamp): string => `${clockTime(at, now)} (in ${duration(at - now)})`;

function clockTime(at: Timestamp, now: Timestamp): string {
  const [date = "", time = ""] = new Date(at).toISOString().split("T");
  const isNear = Math.abs(now - at) < DAY_MS;
  return `${isNear ? "" : `${date} `}${time.slice(0, 8)} UTC`;
}

/** Names in a row, at most `most` of them: "a, b and c", "a, b and 3 more". */
export function listed(names: readonly string[], most = 5): string {
  if (names.length <= 1) return names.join("");
  const shown = names.length > most ? names.slice(0, most) : names.slice(0, -1);
  const last = names.length > most ? `${names.length - most} more` : names.at(-1);
  return `${shown.join(", ")} and ${last}`;
}

/** Billionths of a core as cores, to two digits: "0.5". */
export const cpus = (nanoCpus: number): string => String(Math.round(nanoCpus / 1e7) / 100);

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** Bytes in the largest unit that leaves a whole part: "512 MiB", "1.5 GiB". */
export function memory(bytes: number): string {
  const size = Math.abs(bytes);
  const power = Math.min(BYTE_UNITS.length - 1, size < 1 ? 0 : Math.floor(Math.log2(size) / 10));
  return `${Math.round((bytes / 1024 ** power) * 10) / 10} ${BYTE_UNITS[power]}`;
}
