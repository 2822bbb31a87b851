/** The least serious level to log. */
export const LOG_LEVELS: readonly string[] = ["debug", "info", "warn", "error", "fatal"];
export const LOG_FORMATS: readonly string[] = ["text", "json"];

const LISTS = new Set(["hosts", "labels", "node-generic-resources", "default-addr-pools"]);
const PAIRS = new Set(["labels", "node-generic-resources"]);
const SWITCHES = new Set(["tls", "tlsverify"]);
const CHOICES: ReadonlyMap<string, readonly string[]> = new Map([
  ["log-level", LOG_LEVELS],
  ["log-format", LOG_FORMATS],
]);

/** Whether `text` is KEY=VALUE; the value may be empty. */
export const isPair = (text: string): boolean => /^[^=]+=/.test(text);

/** What is wrong with the value that a configuration file gives to a directive; undefined when nothing is. */
export function directiveProblem(directive: string, value: unknown): string | undefined {
  if (SWITCHES.has(directive)) return typeof value === "boolean" ? undefined : "expected true or false";
  if (LISTS.has(directive)) return listProblem(directive, value);
  if (typeof value !== "string") return "expected text";
  const choices = CHOICES.get(directive);
  return choices === undefined || choices.includes(value) ? undefined : `expected one of ${choices.join(", ")}`;
}

function listProblem(directive: string, value: unknown): string | undefined {
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === "string")) return "expected a list of texts";
  return PAIRS.has(directive) && !value.every(isPair) ? "expected KEY=VALUE" : undefined;
}
