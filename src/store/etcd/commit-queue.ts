import type { Clock } from "#base/clock.ts";
import { errorCode } from "#base/errors.ts";
import type { Operation } from "#model/operation.ts";
import { type CommitResult, MAX_OPERATIONS } from "#store/store.ts";
import { objectKey, type Written } from "./transaction.ts";

/** What etcd is asked for in one transaction. */
export interface Attempt {
  readonly operations: readonly Operation[];
  readonly writes: ReadonlyMap<string, Written>;
}

/** Makes one transaction, however often it takes. */
export type Send = (attempt: Attempt, signal: AbortSignal) => Promise<CommitResult>;

interface Waiting extends Attempt {
  readonly signal: AbortSignal;
  readonly done: PromiseWithResolvers<CommitResult>;
}

/** Transactions under way at once. While they are, commits gather for the next one. */
const MOST_UNDER_WAY = 2;
/** One that takes longer holds up nobody: etcd's leader may be lost, and the next one answers sooner. */
const USUAL_MS = 100;
/** Of values in one transaction. Source: etcd's default --max-request-bytes of 1.5 MiB. */
const MAX_BYTES = 500_000;

/**
 * Sends commits to etcd, those that come at the same time together: a transaction costs the cluster much more than what
 * is in it. None waits for company. Commits of one transaction have one revision, as if they were one commit; a
 * transaction that does not hold is made again commit by commit, so that each has its own answer.
 */
export class CommitQueue {
  readonly #send: Send;
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  #underWay = 0;

  constructor(send: Send, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
  }

  /** @throws the reason of `signal`: it is not known then whether the commit was made. */
  async commit(attempt: Attempt, signal: AbortSignal): Promise<CommitResult> {
    const done = Promise.withResolvers<CommitResult>();
    const onAbort = () => done.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      this.#waiting.push({ ...attempt, signal, done });
      this.#begin();
      return await done.promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #begin(): void {
    while (this.#underWay < MOST_UNDER_WAY && this.#waiting.length > 0) {
      const together = this.#take();
      if (together.length === 0) continue;
      this.#underWay++;
      void this.#makeWithin(together).finally(() => {
        this.#underWay--;
        this.#begin();
      });
    }
  }

  /** Resolves when they are made, or when they take longer than usual. */
  async #makeWithin(together: readonly Waiting[]): Promise<void> {
    const done = new AbortController();
    const late = this.#clock.sleep(USUAL_MS, done.signal).catch(() => undefined);
    await Promise.race([this.#make(together), late]);
    done.abort(new Error("it was made in time"));
  }

  /** The first that wait, as far as they can be made together. */
  #take(): readonly Waiting[] {
    const taken: Waiting[] = [];
    const left: Waiting[] = [];
    const keys = new Set<string>();
    let bytes = 0;
    for (const commit of this.#waiting) {
      if (commit.signal.aborted) continue;
      const own = keysOf(commit);
      bytes += sizeOf(commit);
      const isFull = taken.length > 0 && (keys.size + own.length > MAX_OPERATIONS || bytes > MAX_BYTES);
      // What has to wait must not be overtaken by a later write of the same objects.
      if (isFull || own.some((key) => keys.has(key))) left.push(commit);
      else taken.push(commit);
      for (const key of own) keys.add(key);
    }
    this.#waiting = left;
    return taken;
  }

  /** Never rejects. */
  async #make(together: readonly Waiting[]): Promise<void> {
    const [only, ...others] = together;
    if (only !== undefined && others.length === 0) return await this.#makeOne(only);
    using anyone = new AnyoneWaits(together);
    const operations = together.flatMap((commit) => commit.operations);
    const writes = new Map(together.flatMap((commit) => [...commit.writes]));
    try {
      const result = await this.#send({ operations, writes }, anyone.signal);
      if (result.ok) for (const { done } of together) done.resolve(result);
      else await this.#makeSingly(together);
    } catch (err) {
      if (errorCode(err) === "unavailable" || anyone.signal.aborted) for (const { done } of together) done.reject(err);
      else await this.#makeSingly(together);
    }
  }

  async #makeSingly(commits: readonly Waiting[]): Promise<void> {
    await Promise.all(commits.map((commit) => this.#makeOne(commit)));
  }

  async #makeOne(commit: Waiting): Promise<void> {
    try {
      commit.done.resolve(await this.#send(commit, commit.signal));
    } catch (err) {
      commit.done.reject(err);
    }
  }
}

const keysOf = ({ operations }: Attempt): readonly string[] =>
  operations.flatMap((operation) =>
    operation.type === "check" ? [] : [objectKey("object" in operation ? operation.object : operation)],
  );

function sizeOf({ writes }: Attempt): number {
  let bytes = 0;
  for (const { value } of writes.values()) bytes += value.length;
  return bytes;
}

/** Aborts when the last of some has stopped waiting. */
class AnyoneWaits implements Disposable {
  readonly #controller = new AbortController();
  readonly #unhook: (() => void)[] = [];
  #left: number;

  constructor(commits: readonly Pick<Waiting, "signal">[]) {
    this.#left = commits.length;
    for (const { signal } of commits) {
      const onAbort = () => {
        if (--this.#left === 0) this.#controller.abort(signal.reason);
      };
      if (signal.aborted) onAbort();
      else {
        signal.addEventListener("abort", onAbort, { once: true });
        this.#unhook.push(() => signal.removeEventListener("abort", onAbort));
      }
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const unhook of this.#unhook) unhook();
  }
}
