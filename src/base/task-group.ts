import { aborted, isAbort } from "./abort.ts";
import { FlotillaError } from "./errors.ts";

/** Why a job failed: the error behind the one with which its group ended. Other errors are given back as they are. */
export const failureOf = (err: unknown): unknown =>
  err instanceof Error && !(err instanceof FlotillaError) && err.cause !== undefined ? err.cause : err;

/**
 * Background jobs that live and die together.
 *
 * - A job that fails aborts its siblings; the signal's reason then tells which and why.
 * - A job that returns has no effect on the others.
 * - Disposal aborts what runs and waits for all of it.
 */
export class TaskGroup implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #jobs = new Set<Promise<void>>();
  readonly signal: AbortSignal;

  constructor(parent: AbortSignal) {
    this.signal = AbortSignal.any([parent, this.#stop.signal]);
  }

  /** Waits for the end of the group: throws the first failure, or the reason of the abort from outside. */
  async done(): Promise<never> {
    await aborted(this.signal);
    throw this.signal.reason;
  }

  spawn(name: string, job: (signal: AbortSignal) => Promise<void>): void {
    const running = this.#run(name, job).finally(() => this.#jobs.delete(running));
    this.#jobs.add(running);
  }

  async #run(name: string, job: (signal: AbortSignal) => Promise<void>): Promise<void> {
    try {
      await job(this.signal);
    } catch (cause) {
      if (isAbort(cause, this.signal)) return;
      this.#stop.abort(new Error(`${name} failed`, { cause }));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("stopped"));
    while (this.#jobs.size > 0) await Promise.all(this.#jobs);
  }
}
