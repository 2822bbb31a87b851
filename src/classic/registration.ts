import type { Clock } from "#base/clock.ts";
import { errorCode } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Discovery } from "./discovery/discovery.ts";

export interface Registration {
  /** `host:port` of an engine. */
  readonly addr: string;
  /** How long the engine counts as there after it was said last. */
  readonly ttlMs: number;
  readonly heartbeatMs: number;
  /** The first time comes after a random part of this: many hosts may start at once. */
  readonly delayMs: number;
}

interface Deps {
  readonly discovery: Pick<Discovery, "register">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/**
 * Says that an engine is there, again and again until `signal` aborts. It stays registered for its time then: who stops
 * this to start a newer one does not take the engine away.
 * @throws FlotillaError `unimplemented` where nothing can be registered; other failures may pass.
 */
export async function keepRegistered(
  { addr, ttlMs, heartbeatMs, delayMs }: Registration,
  { discovery, clock, random, log }: Deps,
  signal: AbortSignal,
): Promise<never> {
  await clock.sleep(random.next() * delayMs, signal);
  for (;;) {
    try {
      await discovery.register(addr, ttlMs, signal);
      log.info({ addr, ttlMs }, "engine registered");
    } catch (err) {
      signal.throwIfAborted();
      if (errorCode(err) === "unimplemented") throw err;
      log.error({ err, addr }, "engine not registered: trying again");
    }
    await clock.sleep(heartbeatMs, signal);
  }
}
