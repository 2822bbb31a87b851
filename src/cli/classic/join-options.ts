import type { Command } from "commander";
import { parseHostPort } from "#classic/address.ts";
import type { Registration } from "#classic/registration.ts";
import { check, checkHeartbeat, discoveryOf, discoveryOptions, timeOption } from "./arguments.ts";

/** What `flotilla join` was told. */
export interface JoinOptions {
  readonly discovery: string;
  readonly discoveryOptions: ReadonlyMap<string, string>;
  readonly registration: Registration;
}

export interface JoinFlags {
  readonly advertise?: string;
  readonly heartbeat: number;
  readonly ttl: number;
  readonly delay: number;
  readonly discoveryOpt: ReadonlyMap<string, string>;
}

/** The flags are classic Swarm's. Source: fact sheet classic-swarm 2. */
export const addJoinOptions = (command: Command): Command =>
  command
    .option("--addr, --advertise <host:port>", "where managers reach this host's engine (SWARM_ADVERTISE)")
    .addOption(timeOption("--heartbeat <time>", "how often to say that the engine is there", "60s"))
    .addOption(timeOption("--ttl <time>", "how long it counts as there after it was said last", "180s"))
    .addOption(timeOption("--delay <time>", "wait a random part of this first", "0s"))
    .addOption(discoveryOptions());

/** @throws FlotillaError `invalid` for what is missing or cannot be. */
export function readJoinOptions(argument: string | undefined, flags: JoinFlags, env: NodeJS.ProcessEnv): JoinOptions {
  const discovery = discoveryOf(argument, env, "join a cluster");
  const { heartbeat: heartbeatMs, ttl: ttlMs, delay: delayMs } = flags;
  const addr = flags.advertise ?? env["SWARM_ADVERTISE"] ?? "";
  check(addr !== "", "missing mandatory --advertise flag");
  check(parseHostPort(addr) !== undefined, "--advertise should be of the form ip:port or hostname:port");
  check(delayMs >= 0, "--delay should not be a negative number");
  checkHeartbeat(heartbeatMs);
  check(ttlMs > heartbeatMs, "--ttl must be strictly superior to the heartbeat value");
  return { discovery, discoveryOptions: flags.discoveryOpt, registration: { addr, ttlMs, heartbeatMs, delayMs } };
}
