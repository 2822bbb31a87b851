import { FlotillaError } from "#base/errors.ts";

const RFC3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[-+]\d\d:\d\d)$/;

/**
 * A point in time as the engine's API takes it: seconds since the epoch, with a fraction. `time` is that already, or
 * RFC 3339.
 * @throws FlotillaError `invalid` for anything else.
 */
export function sinceSeconds(time: string): string {
  if (/^\d+(\.\d+)?$/.test(time)) return time;
  const [, whole, fraction, zone] = RFC3339.exec(time) ?? [];
  const ms = whole === undefined ? Number.NaN : Date.parse(`${whole}${zone}`);
  if (!(ms >= 0)) throw new FlotillaError("invalid", `${time} is no time: use RFC 3339 or seconds since the epoch`);
  return `${ms / 1_000}${fraction === undefined ? "" : `.${fraction}`}`;
}
