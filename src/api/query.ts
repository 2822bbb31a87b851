import { FlotillaError } from "#base/errors.ts";
import { invalid } from "./errors.ts";

const FALSE_WORDS = new Set(["", "0", "no", "false", "none"]);

/** A flag, the lenient way: anything but "", 0, no, false and none is true (`force`, `follow`, `stdout`, …). */
export const isFlagSet = (query: URLSearchParams, key: string): boolean =>
  !FALSE_WORDS.has((query.get(key) ?? "").trim().toLowerCase());

/**
 * A flag, the strict way (`status`, `insertDefaults`, `rotate…`). Absent and empty are false.
 * @throws FlotillaError `invalid`
 */
export function parseFlag(query: URLSearchParams, key: string): boolean {
  const text = query.get(key) ?? "";
  if (text === "" || /^(?:0|f|F|false|False|FALSE)$/.test(text)) return false;
  if (/^(?:1|t|T|true|True|TRUE)$/.test(text)) return true;
  // Docker names the cause everywhere but for the rotations.
  const cause = key.startsWith("rotate") ? "" : `: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`;
  throw invalid(`invalid value for ${key}: ${text}${cause}`);
}

/**
 * The version that an update names, in the query.
 * @throws FlotillaError `invalid`
 */
export function parseObjectVersion(query: URLSearchParams, kind: string): number {
  const text = query.get("version") ?? "";
  if (/^[0-9]{1,20}$/.test(text)) return Number(text);
  if (kind === "secret" || kind === "config") throw invalid(`invalid ${kind} version`);
  throw invalid(
    `invalid ${kind} version '${text}': strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

const NANO_DIGITS = 9;

/**
 * A time as Docker's clients send it: seconds since the epoch, with an optional fraction. In nanoseconds; undefined for
 * "" and for an absent value.
 * @throws FlotillaError `invalid`
 */
export function parseUnixNanos(query: URLSearchParams, key: string): bigint | undefined {
  const text = query.get(key) ?? "";
  if (text === "") return undefined;
  const match = /^([+-]?[0-9]{1,18})(?:\.([0-9]{0,20}))?$/.exec(text);
  if (match === null) throw invalid(`invalid value for '${key}': invalid timestamp ${JSON.stringify(text)}`);
  const fraction = (match[2] ?? "").slice(0, NANO_DIGITS).padEnd(NANO_DIGITS, "0");
  return BigInt(match[1] ?? "0") * 1_000_000_000n + BigInt(fraction);
}

/**
 * How many lines from the end of a log; undefined for all.
 * @throws FlotillaError `internal`: Docker answers 500 here.
 */
export function parseTail(query: URLSearchParams): number | undefined {
  const text = query.get("tail") ?? "";
  if (text === "" || text === "all") return undefined;
  if (!/^[+-]?[0-9]{1,15}$/.test(text)) {
    throw new FlotillaError("internal", 'tail value must be a positive integer or "all"');
  }
  if (Number(text) < 0) throw new FlotillaError("internal", "negative tail values not supported");
  return Number(text);
}
