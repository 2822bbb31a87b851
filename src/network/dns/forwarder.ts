import { LinkedAbort, withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import { exchange, type Transport, type Upstream } from "./exchange.ts";
import {
  FORWARD_TIMEOUT_MS,
  MAX_FORWARDED,
  MAX_FORWARDED_PER_SOURCE,
  MAX_UPSTREAMS,
  NEXT_UPSTREAM_MS,
} from "./limits.ts";
import { type Question, RCODE, type Rcode, rcodeOf } from "./message.ts";
import { SourceCounter } from "./source-counter.ts";

/**
 * Asks others what the cluster does not know.
 *
 * - Upstreams are asked in their order: the next when one fails, and also when one has been silent for a second. The
 *   first answer wins, also one that says that the name does not exist.
 * - A bounded number of questions is on its way, so that memory and sockets are; and of one source only some of them.
 */
export class Forwarder {
  readonly #deps: { readonly clock: Clock; readonly random: Random };
  readonly #underway = new SourceCounter({ total: MAX_FORWARDED, perSource: MAX_FORWARDED_PER_SOURCE });

  constructor(deps: { readonly clock: Clock; readonly random: Random }) {
    this.#deps = deps;
  }

  /** How many questions wait for an answer. */
  get underway(): number {
    return this.#underway.total;
  }

  /**
   * @param source who asks.
   * @returns the answer of an upstream, under the question's id; a code when none has one: `refused` when there is no
   *   upstream, no room, or the upstreams refused, else `failed`.
   */
  async forward(
    question: Question,
    source: string,
    transport: Transport,
    upstreams: readonly Upstream[],
    signal: AbortSignal,
  ): Promise<Buffer | Rcode> {
    if (upstreams.length === 0 || !this.#underway.enter(source)) return RCODE.refused;
    try {
      return await withDeadline(this.#deps.clock, FORWARD_TIMEOUT_MS, "a forwarded question", signal, (limited) =>
        this.#firstAnswer(question, transport, upstreams.slice(0, MAX_UPSTREAMS), limited),
      );
    } catch (err) {
      signal.throwIfAborted();
      return err instanceof AggregateError && err.errors.every((each) => each instanceof Refused)
        ? RCODE.refused
        : RCODE.failed;
    } finally {
      this.#underway.leave(source);
    }
  }

  async #firstAnswer(
    question: Question,
    transport: Transport,
    upstreams: readonly Upstream[],
    signal: AbortSignal,
  ): Promise<Buffer> {
    using asking = new LinkedAbort(signal);
    let previous: Promise<unknown> | undefined;
    const attempts = upstreams.map((upstream, index) => {
      const attempt = this.#attempt(question, transport, upstream, index, previous, asking.signal);
      previous = attempt;
      return attempt;
    });
    try {
      return await Promise.any(attempts);
    } finally {
      asking.abort(DECIDED);
    }
  }

  /** Waits for its turn, then asks. */
  async #attempt(
    question: Question,
    transport: Transport,
    upstream: Upstream,
    index: number,
    previous: Promise<unknown> | undefined,
    signal: AbortSignal,
  ): Promise<Buffer> {
    if (previous !== undefined) {
      using waiting = new LinkedAbort(signal);
      const silent = this.#deps.clock.sleep(index * NEXT_UPSTREAM_MS, waiting.signal);
      await Promise.race([
        silent,
        previous.then(
          () => silent,
          () => undefined,
        ),
      ]);
      waiting.abort(DECIDED);
    }
    const answer = await exchange(this.#deps, transport, upstream, question, signal);
    const rcode = rcodeOf(answer);
    if (rcode === RCODE.refused) throw new Refused("the name server refused to answer");
    if (rcode === RCODE.failed) throw new FlotillaError("unavailable", "the name server failed");
    return answer;
  }
}

class Refused extends Error {}

const DECIDED = new Error("another upstream has answered, or all have failed");
