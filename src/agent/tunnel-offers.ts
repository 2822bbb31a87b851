import type { Duplex } from "node:stream";
import type { Clock } from "#base/clock.ts";
import { errorMessage } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { backoffMs } from "#base/retry.ts";
import { splice } from "#base/splice.ts";
import { TaskGroup } from "#base/task-group.ts";
import { type OpenTarget, readTarget, type TunnelTarget } from "#wire/tunnel.ts";

/** Tunnels that wait to be used: a burst of calls takes some at once, and each that is taken is replaced at once. */
const SPARES = 4;
/** Wait after a tunnel that was not to be had, or was ended unused: an older manager knows no tunnels. */
const RETRY = { firstMs: 200, mostMs: 10_000 } as const;

export interface TunnelDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly openTarget: OpenTarget;
  /** Aborts when the agent stops: tunnels in use end then. */
  readonly life: AbortSignal;
}

/** Opens a tunnel to the manager of a session, and says that it leads here. */
export type DialOffer = (signal: AbortSignal) => Promise<Duplex>;

/**
 * Keeps some tunnels to a manager open for as long as `signal` lets it. Those in use go on after that: the streams in
 * them have nothing to do with the session.
 */
export async function offerTunnels(deps: TunnelDeps, dial: DialOffer, signal: AbortSignal): Promise<void> {
  await using jobs = new TaskGroup(signal);
  for (let spare = 0; spare < SPARES; spare++) jobs.spawn("tunnel", (stop) => keepSpare(deps, dial, stop));
  await jobs.done();
}

async function keepSpare(deps: TunnelDeps, dial: DialOffer, signal: AbortSignal): Promise<never> {
  for (let failures = 0; ; ) {
    try {
      await offerOne(deps, dial, signal);
      failures = 0;
    } catch (err) {
      signal.throwIfAborted();
      deps.log.debug({ err: errorMessage(err) }, "tunnel not kept");
      failures++;
      await deps.clock.sleep(backoffMs(RETRY, failures, deps.random), signal);
    }
  }
}

/** Resolves when the tunnel is in use. */
async function offerOne(deps: TunnelDeps, dial: DialOffer, signal: AbortSignal): Promise<void> {
  const tunnel = await dial(signal);
  try {
    const target = await readTarget(tunnel, signal);
    void join(deps, tunnel, target);
  } catch (err) {
    tunnel.destroy();
    throw err;
  }
}

/** For as long as both ends want it: sessions and managers may come and go meanwhile. */
async function join({ openTarget, life, log }: TunnelDeps, tunnel: Duplex, target: TunnelTarget): Promise<void> {
  const end = () => tunnel.destroy();
  life.addEventListener("abort", end, { once: true });
  try {
    await splice(tunnel, await openTarget(target, life));
  } catch (err) {
    log.debug({ err: errorMessage(err), target }, "tunnel leads nowhere");
    end();
  } finally {
    life.removeEventListener("abort", end);
  }
}
