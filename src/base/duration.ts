const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

const DURATION = /^-?(?:[0-9]{1,15}(?:\.[0-9]{1,9})?(?:ns|us|µs|ms|s|m|h))+$/;

/**
 * A time span as Go writes it, in milliseconds: `90s`, `1h30m`, `-5s`. Undefined for anything else.
 * Source: Go's time.ParseDuration, with fewer digits.
 */
export function parseDurationMs(text: string): number | undefined {
  if (text === "0") return 0;
  if (!DURATION.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit = ""] of text.matchAll(/([0-9.]+)([a-zµ]+)/g))
    sum += Number(amount) * (UNIT_MS[unit] ?? 0);
  return text.startsWith("-") ? -sum : sum;
}
