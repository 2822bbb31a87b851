import { LinkedAbort, withDeadline } from "#base/abort.ts";
import { Channel } from "#base/channel.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { ClusterLogMessage, LogSelector } from "#manager/control.ts";
import type { NodeId } from "#model/ids.ts";
import type {
  AgentService,
  Caller,
  LogBatch,
  LogOptions,
  LogSubscription,
  PeerService,
  RelayedLogs,
  RelayedSubscription,
} from "#wire/protocol.ts";
import type { LogAsker } from "./log-asker.ts";
import { followChanges } from "./log-following.ts";
import { type ConnectPeer, LogLinks } from "./log-links.ts";
import { LogQuestion } from "./log-question.ts";
import { LogRelay } from "./log-relay.ts";
import { otherManagers } from "./other-managers.ts";
import type { ClusterState } from "./state.ts";

interface Deps {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly log: Logger;
  readonly newId: () => string;
  /** This manager's node. */
  readonly nodeId: NodeId;
  readonly connectPeer: ConnectPeer;
}

/** Subscriptions that an agent has not taken yet. They are small; a node that stops reading loses its session anyway. */
const MAILBOX_SIZE = 10_000;

/** How long a question waits to hear which nodes the other managers have. */
const LINK_MS = 2_000;

/**
 * Carries log questions to the nodes and their answers back. A question goes to every node that runs a task of it,
 * through the manager that has the node's session; followers' questions grow with their service. Answers flow with
 * back-pressure from the client's socket to the engine.
 */
export class LogBroker
  implements Pick<AgentService, "logSubscriptions" | "publishLogs">, Pick<PeerService, "relayLogs">
{
  readonly #deps: Deps;
  readonly #listeners = new Map<NodeId, Channel<LogSubscription>>();
  readonly #askers = new Set<LogAsker>();
  /** Whose each subscription is. */
  readonly #subscriptions = new Map<string, LogAsker>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async *logSubscriptions(caller: Caller, signal: AbortSignal): AsyncIterable<LogSubscription> {
    const channel = new Channel<LogSubscription>(MAILBOX_SIZE);
    // An agent that comes again has forgotten what the stream before this one asked of it.
    this.#leave(caller.nodeId);
    this.#listeners.set(caller.nodeId, channel);
    const onAbort = () => channel.end();
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) channel.end();
    for (const asker of this.#askers) asker.nodeCame(caller.nodeId);
    try {
      yield* channel;
    } finally {
      signal.removeEventListener("abort", onAbort);
      if (this.#listeners.get(caller.nodeId) === channel) this.#leave(caller.nodeId);
    }
  }

  #leave(nodeId: NodeId): void {
    const channel = this.#listeners.get(nodeId);
    if (channel === undefined) return;
    channel.end();
    this.#listeners.delete(nodeId);
    for (const asker of this.#askers) asker.nodeLeft(nodeId);
  }

  async publishLogs(caller: Caller, batches: AsyncIterable<LogBatch>): Promise<void> {
    for await (const batch of batches) {
      await this.#subscriptions.get(batch.subscriptionId)?.answer(caller.nodeId, batch);
    }
  }

  async *relayLogs(
    _caller: Caller,
    subscriptions: AsyncIterable<RelayedSubscription>,
    signal: AbortSignal,
  ): AsyncIterable<RelayedLogs> {
    const relay = new LogRelay({
      listening: () => this.#listeners.keys(),
      send: ({ nodeId, subscription }) => void this.#listeners.get(nodeId)?.push(subscription),
      expect: (id) => void this.#subscriptions.set(id, relay),
    });
    this.#askers.add(relay);
    const onAbort = () => relay.cancel();
    signal.addEventListener("abort", onAbort, { once: true });
    void relay.run(subscriptions);
    try {
      yield* relay.messages;
    } finally {
      signal.removeEventListener("abort", onAbort);
      relay.cancel();
      this.#forget(relay);
    }
  }

  /** See `Control.logs`. */
  async *logs(selector: LogSelector, options: LogOptions, signal: AbortSignal): AsyncIterable<ClusterLogMessage> {
    if (selector.serviceIds.length + selector.taskIds.length === 0) {
      throw new FlotillaError("invalid", "log selector must not be empty");
    }
    const { state } = this.#deps;
    using own = new LinkedAbort(signal);
    const id = this.#deps.newId();
    const question: LogQuestion = new LogQuestion(id, selector, options, state.view, {
      isListening: (nodeId) => this.#listeners.has(nodeId) || links.has(nodeId),
      send: (nodeId, message) => {
        const listener = this.#listeners.get(nodeId);
        if (listener === undefined) links.send(nodeId, message);
        else void listener.push(message);
      },
      newSubscription: () => {
        const another = this.#deps.newId();
        this.#subscriptions.set(another, question);
        return another;
      },
    });
    await using links = this.#links(question, own.signal);
    this.#subscriptions.set(id, question);
    const commits = options.follow ? state.commits(own.signal) : undefined;
    const following =
      commits && followChanges({ question, links, view: state.view, nodeId: this.#deps.nodeId }, commits);
    const onAbort = () => question.cancel();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await this.#linkAll(links, own.signal);
      this.#askers.add(question);
      question.begin();
      yield* question.messages;
    } finally {
      signal.removeEventListener("abort", onAbort);
      question.cancel();
      this.#forget(question);
      own.abort(new FlotillaError("unavailable", "the question is over"));
      await following;
    }
  }

  #links(question: LogQuestion, signal: AbortSignal): LogLinks {
    const { connectPeer: connect, log } = this.#deps;
    return new LogLinks({ connect, log }, question, signal);
  }

  /** Opens ways to all other managers, and waits until their nodes are known. */
  async #linkAll(links: LogLinks, signal: AbortSignal): Promise<void> {
    const { state, clock, log, nodeId } = this.#deps;
    const opened = otherManagers(state.view, nodeId).map((manager) => links.open(manager));
    try {
      await withDeadline(clock, LINK_MS, "asking the other managers for their nodes", signal, () =>
        Promise.all(opened),
      );
    } catch (err) {
      signal.throwIfAborted();
      log.warn({ err }, "logs may be incomplete");
    }
  }

  #forget(asker: LogAsker): void {
    this.#askers.delete(asker);
    for (const [id, owner] of this.#subscriptions) if (owner === asker) this.#subscriptions.delete(id);
  }
}
