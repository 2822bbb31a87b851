import { aborted, LinkedAbort } from "#base/abort.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import type { AgentService, Caller, ManagerConnection, PeerConnection, PeerService } from "#wire/protocol.ts";
import { endOnAbort } from "#wire/streams.ts";
import type { SimLink } from "./sim-link.ts";

/** What a manager's process offers to the network. */
export interface Listener {
  readonly agents: AgentService;
  readonly peers: PeerService;
  /** Aborts when the process ends. */
  readonly life: AbortSignal;
}

export interface ConnectionDeps {
  readonly link: SimLink;
  readonly listener: Listener;
  readonly caller: Caller;
  /** Runs what goes on although nobody waits for it. */
  readonly background: (job: (signal: AbortSignal) => Promise<void>) => void;
  /** Called when a manager that lives throws what is no answer. */
  readonly onFailure: (reason: string) => void;
}

type Outcome<T> = { readonly value: T } | { readonly err: unknown };

/**
 * One connection between a host and a manager's process, with its two ends: each learns of the other's loss in its own
 * time. What was asked is carried out although the answer may never arrive.
 */
export class SimConnection {
  readonly #deps: ConnectionDeps;
  readonly #link: SimLink;
  readonly #hostEnd = new AbortController();
  readonly #managerEnd: LinkedAbort;

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
    this.#link = deps.link;
    this.#managerEnd = new LinkedAbort(deps.listener.life);
  }

  /** Aborts when the host knows that the connection is lost, or has closed it. */
  get hostEnd(): AbortSignal {
    return this.#hostEnd.signal;
  }

  /** Aborts when the manager knows. */
  get managerEnd(): AbortSignal {
    return this.#managerEnd.signal;
  }

  breakHostEnd(reason: string): void {
    this.#hostEnd.abort(new FlotillaError("unavailable", reason));
  }

  breakManagerEnd(reason: string): void {
    this.#managerEnd.abort(new FlotillaError("unavailable", reason));
    this.#managerEnd[Symbol.dispose]();
  }

  /** The agent's side of it. */
  calls(): ManagerConnection {
    const { caller } = this.#deps;
    const { agents } = this.#deps.listener;
    return {
      session: (description, signal) => this.#stream(signal, (end) => agents.session(caller, description, end)),
      describe: (id, description, signal) => this.#call(signal, (end) => agents.describe(caller, id, description, end)),
      heartbeat: (id, signal) => this.#call(signal, (end) => agents.heartbeat(caller, id, end)),
      assignments: (id, signal) => this.#stream(signal, (end) => agents.assignments(caller, id, end)),
      updateTaskStatus: (id, updates, signal) =>
        this.#call(signal, (end) => agents.updateTaskStatus(caller, id, updates, end)),
      networksApplied: (id, resultsIn, signal) =>
        this.#call(signal, (end) => agents.networksApplied(caller, id, resultsIn, end)),
      attachNetwork: (request, signal) => this.#call(signal, (end) => agents.attachNetwork(caller, request, end)),
      detachNetwork: (taskId, signal) => this.#call(signal, (end) => agents.detachNetwork(caller, taskId, end)),
      bringImage: (request, signal) => this.#stream(signal, (end) => agents.bringImage(caller, request, end)),
      logSubscriptions: (signal) => this.#stream(signal, (end) => agents.logSubscriptions(caller, end)),
      publishLogs: (batches, signal) =>
        this.#call(signal, (end) => agents.publishLogs(caller, this.#upload(batches, end), end)),
    };
  }

  /** What another manager may ask. */
  peerCalls(): Pick<PeerConnection, "relayLogs"> {
    const { caller, listener } = this.#deps;
    return {
      relayLogs: (subscriptions, signal) =>
        this.#stream(signal, (end) => listener.peers.relayLogs(caller, this.#upload(subscriptions, end), end)),
    };
  }

  async #call<T>(signal: AbortSignal, work: (end: AbortSignal) => Promise<T>): Promise<T> {
    using own = new LinkedAbort(signal);
    using lost = this.#linkedToHostEnd(own);
    await this.#link.carry("toManager", lost.signal);
    const outcome = await untilAborted(settled(work(this.managerEnd)), lost.signal);
    await this.#link.carry("toHost", lost.signal);
    return this.#unwrap(outcome);
  }

  async *#stream<T>(signal: AbortSignal, open: (end: AbortSignal) => AsyncIterable<T>): AsyncGenerator<T> {
    using own = new LinkedAbort(signal);
    using lost = this.#linkedToHostEnd(own);
    await this.#link.carry("toManager", lost.signal);
    const reading = new LinkedAbort(this.managerEnd);
    const items = endOnAbort(open(reading.signal), reading.signal)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const outcome = await untilAborted(settled(items.next()), lost.signal);
        await this.#link.carry("toHost", lost.signal);
        const next = this.#unwrap(outcome);
        if (next.done) return;
        yield next.value;
      }
    } finally {
      this.#deps.background((stop) => this.#leaveStream(reading, stop));
    }
  }

  /** Tells the manager that a stream's reader has left, unless it learns of a lost connection first. */
  async #leaveStream(reading: LinkedAbort, signal: AbortSignal): Promise<void> {
    using stop = new LinkedAbort(signal);
    const done = aborted(reading.signal).then(() => stop.abort(reading.signal.reason));
    await this.#link.carry("toManager", stop.signal).catch(() => undefined);
    reading.abort(new FlotillaError("unavailable", "the stream's reader left"));
    await done;
    reading[Symbol.dispose]();
  }

  /** What a host sends bit by bit. */
  async *#upload<T>(items: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
    for await (const item of items) {
      await this.#link.carry("toManager", signal);
      yield item;
    }
  }

  /** Over the wire, an error that is not one of the product's own is internal and says no more. */
  #unwrap<T>(outcome: Outcome<T>): T {
    if ("value" in outcome) return outcome.value;
    const { err } = outcome;
    if (err instanceof FlotillaError) throw err;
    if (!this.managerEnd.aborted) this.#deps.onFailure(`the manager threw ${errorMessage(err)}`);
    throw new FlotillaError("internal", "internal error of the manager", { cause: err });
  }

  /** Aborts with the host's end of the connection, or with the caller's own signal. */
  #linkedToHostEnd(own: LinkedAbort): { readonly signal: AbortSignal } & Disposable {
    const echo = () => own.abort(this.hostEnd.reason);
    if (this.hostEnd.aborted) echo();
    else this.hostEnd.addEventListener("abort", echo, { once: true });
    return { signal: own.signal, [Symbol.dispose]: () => this.hostEnd.removeEventListener("abort", echo) };
  }
}

const settled = <T>(work: Promise<T>): Promise<Outcome<T>> =>
  work.then(
    (value) => ({ value }),
    (err: unknown) => ({ err }),
  );

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  using waiting = new LinkedAbort(signal);
  const first = await Promise.race([work, aborted(waiting.signal)]);
  signal.throwIfAborted();
  return first as T;
}
