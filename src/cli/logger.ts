import { pino } from "pino";
import type { Logger } from "#base/log.ts";

interface LineWriter {
  write(line: string): void;
}

/** The process's log, on standard error: one JSON object per line, or `time LEVEL message key=value …`. */
export function createLogger(level: string, format: "text" | "json", out: LineWriter = process.stderr): Logger {
  const destination = format === "json" ? out : { write: (line: string) => out.write(renderText(line)) };
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

const LEVELS: Readonly<Record<number, string>> = { 20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL" };

function renderText(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${renderValue(value)}`);
  return `${String(time)} ${LEVELS[Number(level)] ?? "INFO"} ${String(msg)}${rest.join("")}\n`;
}

function renderValue(value: unknown): string {
  if (typeof value === "object" && value !== null && "stack" in value) return JSON.stringify(chain(value));
  return typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

/** An error in text: what happened, and why; the stack is for the JSON form. */
function chain(err: object): string {
  const { message, cause } = err as { message?: unknown; cause?: unknown };
  return typeof cause === "object" && cause !== null ? `${String(message)}: ${chain(cause)}` : String(message);
}
