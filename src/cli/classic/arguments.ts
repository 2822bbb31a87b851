import { InvalidArgumentError, Option } from "commander";
import { parseDurationMs } from "#base/duration.ts";
import { FlotillaError } from "#base/errors.ts";
import { isPair } from "#cli/directive-problem.ts";

/** What the arguments of classic Swarm's commands have in common. */

/** An option whose value is a time span: in milliseconds, once it is read. */
export const timeOption = (flags: string, description: string, byDefault: string): Option =>
  new Option(flags, description).argParser(duration).default(duration(byDefault), byDefault);

function duration(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) throw new InvalidArgumentError("expected a time span such as 30s or 1m30s");
  return ms;
}

/** For options of commander that may be given more than once. */
export const collect = (text: string, previous: readonly string[] | undefined): readonly string[] => [
  ...(previous ?? []),
  text,
];

/** An option that is given as KEY=VALUE, any number of times: a map, once it is read. */
export const pairsOption = (flags: string, description: string): Option =>
  new Option(flags, description).argParser(collectPairs).default(new Map(), "none");

export const discoveryOptions = (): Option =>
  pairsOption("--discovery-opt <key=value>", "kv.path, kv.cacertfile, kv.certfile, kv.keyfile; repeatable");

function collectPairs(text: string, previous: ReadonlyMap<string, string> | undefined): ReadonlyMap<string, string> {
  if (!isPair(text)) throw new InvalidArgumentError("expected KEY=VALUE");
  const [key = "", value = ""] = text.split(/=(.*)/s);
  return new Map([...(previous ?? []), [key, value]]);
}

/** @throws FlotillaError `invalid` unless there is an argument, or `SWARM_DISCOVERY`. */
export function discoveryOf(argument: string | undefined, env: NodeJS.ProcessEnv, purpose: string): string {
  const uri = argument ?? env["SWARM_DISCOVERY"];
  if (uri) return uri;
  throw new FlotillaError(
    "invalid",
    `discovery required to ${purpose}: give nodes://HOST:PORT,…, file:///PATH, token:///SHARED/TOKEN or etcd://HOST:PORT,…`,
  );
}

/** @throws FlotillaError `invalid` with this message unless `holds`. */
export function check(holds: boolean, message: string): asserts holds {
  if (!holds) throw new FlotillaError("invalid", message);
}

/** The shortest heartbeat. Source: fact sheet classic-swarm 2. */
const MIN_HEARTBEAT_MS = 1_000;

export function checkHeartbeat(heartbeatMs: number): void {
  check(heartbeatMs >= MIN_HEARTBEAT_MS, "--heartbeat should be at least one second");
}
