import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { NetworkId } from "#model/ids.ts";
import { answerFromNames } from "./answer.ts";
import type { Transport, Upstream } from "./exchange.ts";
import { Forwarder } from "./forwarder.ts";
import { MAX_TCP_ANSWER_BYTES, MIN_UDP_ANSWER_BYTES } from "./limits.ts";
import { encodeFailure, encodeReply, type Question, RCODE, type Rcode, readQuestion } from "./message.ts";
import { Names, type Scope } from "./names.ts";

/** Where a question came from. */
export interface Asker {
  /** The network on whose address it came in. */
  readonly networkId: NetworkId;
  readonly address: string;
}

/** Answers messages, whatever is in them: from the names of the cluster, or from an upstream. */
export class Responder {
  readonly #log: Logger;
  readonly #random: Random;
  readonly #forwarder: Forwarder;
  readonly #upstreamsFor: (asker: Asker) => Promise<readonly Upstream[]>;
  /** What names mean: may be replaced, and may change, between any two questions. */
  names = new Names();

  constructor(deps: {
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
    readonly upstreamsFor: (asker: Asker) => Promise<readonly Upstream[]>;
  }) {
    this.#log = deps.log;
    this.#random = deps.random;
    this.#forwarder = new Forwarder(deps);
    this.#upstreamsFor = deps.upstreamsFor;
  }

  /**
   * @returns undefined for a message that no answer is due to.
   * @throws the reason of `signal`, nothing else.
   */
  async respond(packet: Buffer, asker: Asker, transport: Transport, signal: AbortSignal): Promise<Buffer | undefined> {
    const question = readQuestion(packet);
    if (question === undefined) return undefined;
    if (typeof question === "number") return encodeFailure(packet, question);
    try {
      return await this.#answer(question, asker, transport, signal);
    } catch (err) {
      signal.throwIfAborted();
      this.#log.error({ err, networkId: asker.networkId }, "question for a name failed");
      return encodeFailure(packet, RCODE.failed);
    }
  }

  async #answer(question: Question, asker: Asker, transport: Transport, signal: AbortSignal): Promise<Buffer> {
    const limitBytes = transport === "tcp" ? MAX_TCP_ANSWER_BYTES : (question.udpBytes ?? MIN_UDP_ANSWER_BYTES);
    const without = (rcode: Rcode) => encodeReply(question, { rcode, answers: [], additionals: [] }, limitBytes);
    const scope = this.names.scope(asker.networkId, asker.address);
    if (scope === undefined) return without(RCODE.refused);
    const known = answerFromNames(this.names, scope, question, this.#random);
    if (known !== undefined) return encodeReply(question, known, limitBytes);
    // As it is, even if it is longer than the asker said it takes: some cannot come again over TCP, but read what fits.
    const answer = await this.#forward(question, scope, asker, transport, signal);
    return typeof answer === "number" ? without(answer) : answer;
  }

  async #forward(
    question: Question,
    scope: Scope,
    asker: Asker,
    transport: Transport,
    signal: AbortSignal,
  ): Promise<Buffer | Rcode> {
    if (!scope.outside) return RCODE.refused;
    return this.#forwarder.forward(question, asker.address, transport, await this.#upstreamsFor(asker), signal);
  }
}
