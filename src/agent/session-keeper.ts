import type { Clock } from "#base/clock.ts";
import { errorCode, errorMessage, FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { backoffMs } from "#base/retry.ts";
import type { NodeDescription } from "#model/spec.ts";
import type { ManagerConnection, SessionMessage } from "#wire/protocol.ts";
import { KnownManagers } from "./known-managers.ts";
import type { SessionDeps } from "./session.ts";
import { runSession } from "./session.ts";
import type { TaskDb } from "./task-db.ts";

/** Wait before another manager is tried. SwarmKit waits up to 8 s; a lost manager should be replaced sooner. */
const RECONNECT = { firstMs: 100, mostMs: 2_000 } as const;
/** A session that held this long worked: the wait after it is the shortest again. */
const WORKED_MS = 2_000;
/** Registrations in a row that were refused, until a node believes that the cluster does not know it (any more). */
const REFUSALS = 5;

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly db: Pick<TaskDb, "managers" | "setManagers">;
  /** Managers to begin with, besides those that the database knows. */
  readonly managers: readonly string[];
  readonly connect: (addr: string, signal: AbortSignal) => Promise<ManagerConnection & AsyncDisposable>;
  readonly description: () => NodeDescription;
  readonly onSession: (message: SessionMessage) => void;
  readonly session: Omit<SessionDeps, "onMessage">;
}

/** Holds one session after the other, each with the manager that is most likely there. */
export class SessionKeeper {
  readonly #deps: Deps;
  readonly #managers: KnownManagers;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#managers = new KnownManagers([...new Set([...deps.managers, ...deps.db.managers()])], deps.random);
  }

  /** @returns the managers' words, when they have refused this node again and again. */
  async run(signal: AbortSignal): Promise<string> {
    const { clock, random } = this.#deps;
    let failures = 0;
    let refusals = 0;
    for (;;) {
      const startedAt = clock.now();
      const { registered, err } = await this.#session(signal);
      const worked = registered && clock.now() - startedAt >= WORKED_MS;
      failures = worked ? 1 : failures + 1;
      refusals = !registered && isRefusal(err) ? refusals + 1 : 0;
      if (refusals >= REFUSALS) return errorMessage(err);
      await clock.sleep(backoffMs(RECONNECT, failures, random), signal);
    }
  }

  /** One session, until it is lost. @returns whether it came to be, and what ended it. */
  async #session(signal: AbortSignal): Promise<{ readonly registered: boolean; readonly err: unknown }> {
    const { log, session, connect, description } = this.#deps;
    const addr = this.#managers.next();
    let registered = false;
    const onMessage = (message: SessionMessage) => {
      if (!registered) log.info({ manager: addr }, "session opened");
      registered = true;
      this.#learn(addr, message);
    };
    try {
      if (addr === undefined) throw new FlotillaError("unavailable", "no manager of the cluster is known");
      await using connection = await connect(addr, signal);
      return await runSession({ ...session, onMessage }, connection, description(), signal);
    } catch (err) {
      signal.throwIfAborted();
      if (addr !== undefined) this.#managers.failed(addr);
      log.warn({ manager: addr, err: errorMessage(err) }, registered ? "session lost" : "manager not reached");
      return { registered, err };
    }
  }

  #learn(addr: string | undefined, message: SessionMessage): void {
    const { db, log, onSession } = this.#deps;
    if (addr !== undefined) this.#managers.succeeded(addr);
    if (this.#managers.replace(message.managers.map((manager) => manager.addr))) {
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
