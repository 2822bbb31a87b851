import { FlotillaError } from "#base/errors.ts";

/**
 * `key==value` or `key!=value`, as users write it in constraints and affinities of single containers. A `~` after the
 * operator makes it soft: a wish that is given up when nothing else helps. A value may be a glob, or `/a regular
 * expression/`. Source: fact sheet classic-swarm 7.
 */
export interface Expression {
  readonly key: string;
  readonly operator: "==" | "!=";
  readonly value: string;
  readonly isSoft: boolean;
}

const KEY = /^[a-z_][a-z0-9\-_.]+$/i;
const VALUE = /^[a-z0-9:\-_\s.*/()?+[\]\\^$|@=!,]+$/i;

/** @throws FlotillaError `invalid` that says what is wrong with it. */
export function parseExpression(text: string): Expression {
  const operator = text.includes("==") ? "==" : text.includes("!=") ? "!=" : undefined;
  if (operator === undefined) throw refused(text, "One of operator ==, != is expected");
  const at = text.indexOf(operator);
  const key = text.slice(0, at);
  const rest = text.slice(at + operator.length);
  const isSoft = rest.startsWith("~");
  const value = isSoft ? rest.slice(1) : rest;
  if (!KEY.test(key)) throw refused(text, `Key '${key}' is invalid`);
  if (!VALUE.test(value)) throw refused(text, `Value '${value}' is invalid`);
  matcherOf(value);
  return { key, operator, value, isSoft };
}

const refused = (text: string, reason: string, cause?: unknown): FlotillaError =>
  new FlotillaError("invalid", `invalid expression ${text}: ${reason}`, { cause });

/** As classic Swarm shows it. */
export const renderExpression = ({ key, operator, value }: Expression): string => `${key}${operator}${value}`;

/** Whether one of these strings (`==`), or none (`!=`), is what the expression names. */
export function matches({ operator, value }: Expression, candidates: Iterable<string>): boolean {
  const isNamed = matcherOf(value);
  for (const candidate of candidates) if (isNamed(candidate)) return operator === "==";
  return operator === "!=";
}

const REGEX = /^\/(\(\?i\))?(.*)\/$/s;

/** Globs know `*` alone, and match as a whole; a regular expression may match anywhere. */
function matcherOf(value: string): (candidate: string) => boolean {
  const [, ignoresCase, pattern] = REGEX.exec(value) ?? [];
  if (pattern !== undefined) {
    const regex = compile(value, pattern, ignoresCase === undefined ? "u" : "iu");
    return (candidate) => regex.test(candidate);
  }
  if (!value.includes("*")) return (candidate) => candidate === value;
  const parts = value.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const regex = new RegExp(`^${parts.join(".*")}$`, "su");
  return (candidate) => regex.test(candidate);
}

function compile(value: string, pattern: string, flags: string): RegExp {
  try {
    return new RegExp(pattern, flags);
  } catch (cause) {
    throw refused(value, "the regular expression is not understood", cause);
  }
}
