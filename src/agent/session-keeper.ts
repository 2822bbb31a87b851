import { isAbort, LinkedAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { errorCode, errorMessage, FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { backoffMs } from "#base/retry.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { NodeId } from "#model/ids.ts";
import type { NodeDescription } from "#model/spec.ts";
import type { SessionMessage } from "#wire/protocol.ts";
import { KnownManagers } from "./known-managers.ts";
import type { AgentConnection, SessionDeps } from "./session.ts";
import { runSession } from "./session.ts";
import type { TaskDb } from "./task-db.ts";

/** Wait before another manager is tried. SwarmKit waits up to 8 s; a lost manager should be replaced sooner. */
const RECONNECT = { firstMs: 100, mostMs: 2_000 } as const;
/** A session that held this long worked: the wait after it is the shortest again. */
const WORKED_MS = 2_000;
/** Registrations in a row that were refused, until a node believes that the cluster does not know it (any more). */
const REFUSALS = 5;
/**
 * How long a node stays with a manager that works when another one should have it: long enough for that one to prove
 * itself, and different for each node, so that they do not come all at once.
 */
const STAY_MS = { least: 5_000, most: 30_000 } as const;

interface Deps {
  readonly nodeId: NodeId;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly db: Pick<TaskDb, "managers" | "setManagers">;
  /** Managers to begin with, besides those that the database knows. */
  readonly managers: readonly string[];
  /** The manager of this very node, if there is one. */
  readonly ownManager: () => string | undefined;
  readonly connect: (addr: string, signal: AbortSignal) => Promise<AgentConnection & AsyncDisposable>;
  readonly description: () => NodeDescription;
  readonly onSession: (message: SessionMessage) => void;
  readonly session: Omit<SessionDeps, "onMessage">;
}

/** How a session came out. */
interface Outcome {
  /** Whether it came to be. */
  readonly registered: boolean;
  /** What ended it; undefined when this node left for another manager. */
  readonly err: unknown;
}

/**
 * Holds one session after the other, each with the manager that is most likely there. A node leaves a manager that works
 * for the one that should have it, so that nodes are spread again after managers came or went.
 */
export class SessionKeeper {
  readonly #deps: Deps;
  readonly #managers: KnownManagers;
  readonly #learned = new Wakeup();

  constructor(deps: Deps) {
    this.#deps = deps;
    const addrs = [...new Set([...deps.managers, ...deps.db.managers()])];
    this.#managers = new KnownManagers(deps.nodeId, addrs, deps.ownManager);
  }

  /** @returns the managers' words, when they have refused this node again and again. */
  async run(signal: AbortSignal): Promise<string> {
    const { clock, random } = this.#deps;
    let failures = 0;
    let refusals = 0;
    for (;;) {
      const startedAt = clock.now();
      const { registered, err } = await this.#session(signal);
      if (registered && err === undefined) continue;
      const worked = registered && clock.now() - startedAt >= WORKED_MS;
      failures = worked ? 1 : failures + 1;
      refusals = !registered && isRefusal(err) ? refusals + 1 : 0;
      if (refusals >= REFUSALS) return errorMessage(err);
      await clock.sleep(backoffMs(RECONNECT, failures, random), signal);
    }
  }

  /** One session, until it is lost, or given up for one with another manager. */
  async #session(signal: AbortSignal): Promise<Outcome> {
    const { log, session, connect, description } = this.#deps;
    const addr = this.#managers.next();
    let registered = false;
    const onMessage = (message: SessionMessage) => {
      if (!registered) log.info({ manager: addr }, "session opened");
      registered = true;
      this.#learn(addr, message);
    };
    using stop = new LinkedAbort(signal);
    const moving = this.#moveWhenSpread(addr, stop);
    try {
      if (addr === undefined) throw new FlotillaError("unavailable", "no manager of the cluster is known");
      await using connection = await connect(addr, stop.signal);
      return await runSession({ ...session, onMessage }, connection, description(), stop.signal);
    } catch (err) {
      signal.throwIfAborted();
      if (registered && stop.signal.aborted) return { registered, err: undefined };
      if (addr !== undefined) this.#managers.failed(addr);
      log.warn({ manager: addr, err: errorMessage(err) }, registered ? "session lost" : "manager not reached");
      return { registered, err };
    } finally {
      stop.abort(new Error("the session is over"));
      await moving;
    }
  }

  /** Ends the session with the manager at `addr` when another one should have this node. */
  async #moveWhenSpread(addr: string | undefined, stop: LinkedAbort): Promise<void> {
    const { clock, random, log } = this.#deps;
    try {
      for (;;) {
        await this.#learned.wait(clock, undefined, stop.signal);
        if (this.#managers.next() === addr) continue;
        await clock.sleep(STAY_MS.least + random.next() * (STAY_MS.most - STAY_MS.least), stop.signal);
        const better = this.#managers.next();
        if (better === addr) continue;
        log.info({ manager: addr, next: better }, "leaving for another manager");
        return stop.abort(new FlotillaError("unavailable", `the node moves to the manager at ${better}`));
      }
    } catch (err) {
      if (!isAbort(err, stop.signal)) throw err;
    }
  }

  #learn(addr: string | undefined, message: SessionMessage): void {
    const { db, log, onSession } = this.#deps;
    if (addr !== undefined) this.#managers.succeeded(addr);
    const isNew = this.#managers.replace(message.managers);
    this.#learned.wake();
    if (isNew) {
      try {
        db.setManagers(this.#managers.addrs);
      } catch (err) {
        log.warn({ err: errorMessage(err) }, "list of managers not written");
      }
    }
    onSession(message);
  }
}

const isRefusal = (err: unknown): boolean => errorCode(err) === "not_found" || errorCode(err) === "forbidden";
