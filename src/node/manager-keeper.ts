import { rm } from "node:fs/promises";
import type { Clock } from "#base/clock.ts";
import { errorCode, errorMessage } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { backoffMs } from "#base/retry.ts";
import { failureOf, TaskGroup } from "#base/task-group.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { CurrentIdentity } from "#wire/identity.ts";
import type { KeyRing } from "./key-ring.ts";
import type { ManagerHost } from "./manager-host.ts";
import { type NodePaths, storeFiles } from "./paths.ts";
import type { SavedState } from "./state-file.ts";

/** Waits between tries to start the manager again. Source: fact sheet 9.4. */
const RESTART = { firstMs: 100, mostMs: 30_000 } as const;
/** The same when trying again is of little use: the others have removed the manager, and will soon say what it is now. */
const HOPELESS_MS = 10_000;

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly paths: NodePaths;
  readonly identity: CurrentIdentity;
  readonly keys: KeyRing;
  readonly state: SavedState;
  /** Runs the manager until `signal` aborts or a part of it fails; `onReady` is called once it answers. */
  readonly runManager: (onReady: (host: ManagerHost) => void, signal: AbortSignal) => Promise<void>;
  /** Called when the manager begins to answer, and when it failed. */
  readonly onUp: () => void;
  readonly onFailure: (err: unknown) => void;
}

/**
 * Runs this node's manager for as long as its certificate says that the node is one: starts it again when it fails,
 * starts it when the node is promoted, and removes what it leaves behind when the node is demoted.
 */
export class ManagerKeeper {
  readonly #deps: Deps;
  readonly #roleChanged = new Wakeup();
  #host: ManagerHost | undefined;
  #problem = "";

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** The manager, while it answers. */
  get host(): ManagerHost | undefined {
    return this.#host;
  }

  /** Why there should be a manager and is none; "" when all is well. */
  get problem(): string {
    return this.#problem;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, identity } = this.#deps;
    await using jobs = new TaskGroup(signal);
    const changes = identity.changes(jobs.signal);
    jobs.spawn("roles", async () => {
      for await (const _ of changes) this.#roleChanged.wake();
    });
    for (let failures = 0; ; ) {
      if (identity.current.role === "worker") {
        await this.#retire();
        failures = 0;
        await this.#roleChanged.wait(clock, undefined, jobs.signal);
        continue;
      }
      this.#deps.state.update({ role: "manager" });
      const startedAt = clock.now();
      const failure = await this.#serve(jobs.signal);
      failures = clock.now() - startedAt > RESTART.mostMs ? 1 : failures + 1;
      const pauseMs = errorCode(failure) === "precondition" ? HOPELESS_MS : backoffMs(RESTART, failures, random);
      if (identity.current.role === "manager") await this.#roleChanged.wait(clock, clock.now() + pauseMs, jobs.signal);
    }
  }

  /** Runs the manager until it fails, or until the node is none any more. @returns why it failed. */
  async #serve(signal: AbortSignal): Promise<unknown> {
    const { identity, log, runManager, onUp, onFailure } = this.#deps;
    await using term = new TaskGroup(signal);
    const changes = identity.changes(term.signal);
    term.spawn("role", async () => {
      for await (const { role } of changes) if (role === "worker") throw new Error("this node is a worker now");
    });
    const ready = (host: ManagerHost) => {
      this.#host = host;
      this.#problem = "";
      onUp();
    };
    try {
      await runManager(ready, term.signal);
      return undefined;
    } catch (err) {
      signal.throwIfAborted();
      if (identity.current.role === "worker") return undefined;
      const cause = failureOf(err);
      this.#problem = errorMessage(cause);
      log.error({ err }, "manager stopped, starting it again");
      onFailure(cause);
      return cause;
    } finally {
      this.#host = undefined;
    }
  }

  /** Nothing of the cluster's state stays on a worker. */
  async #retire(): Promise<void> {
    const { paths, keys, identity, state, log } = this.#deps;
    this.#problem = "";
    if (state.current.role === "worker") return;
    await keys.forgetManager(identity);
    for (const path of storeFiles(paths)) await rm(path, { recursive: true, force: true });
    const { store: _, ...rest } = state.current;
    state.replace({ ...rest, role: "worker" });
    log.info({}, "this node is a worker now");
  }
}
