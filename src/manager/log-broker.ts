import { Channel } from "#base/channel.ts";
import { FlotillaError } from "#base/errors.ts";
import type { ClusterLogMessage, LogSelector } from "#manager/control.ts";
import type { NodeId } from "#model/ids.ts";
import type { View } from "#model/view.ts";
import type { AgentService, Caller, LogBatch, LogOptions, LogSubscription } from "#wire/protocol.ts";
import { LogQuestion } from "./log-question.ts";
import type { ClusterState } from "./state.ts";

interface Deps {
  readonly state: ClusterState;
  readonly newId: () => string;
}

/** Subscriptions that an agent has not taken yet. They are small; a node that stops reading loses its session anyway. */
const MAILBOX_SIZE = 10_000;

/**
 * Carries log questions to the nodes and their answers back. A question goes to every node that runs a task of it;
 * followers' questions grow with their service. Answers flow with back-pressure from the client's socket to the engine.
 */
export class LogBroker implements Pick<AgentService, "logSubscriptions" | "publishLogs"> {
  readonly #deps: Deps;
  readonly #listeners = new Map<NodeId, Channel<LogSubscription>>();
  readonly #questions = new Map<string, LogQuestion>();

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
    for (const question of this.#questions.values()) question.nodeCame(caller.nodeId);
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
    for (const question of this.#questions.values()) question.nodeLeft(nodeId);
  }

  async publishLogs(caller: Caller, batches: AsyncIterable<LogBatch>): Promise<void> {
    for await (const batch of batches) {
      await this.#questions.get(batch.subscriptionId)?.answer(caller.nodeId, batch);
    }
  }

  /** See `Control.logs`. */
  async *logs(selector: LogSelector, options: LogOptions, signal: AbortSignal): AsyncIterable<ClusterLogMessage> {
    if (selector.serviceIds.length + selector.taskIds.length === 0) {
      throw new FlotillaError("invalid", "log selector must not be empty");
    }
    const id = this.#deps.newId();
    const question = new LogQuestion(id, selector, options, this.#deps.state.view, {
      isListening: (nodeId) => this.#listeners.has(nodeId),
      send: (nodeId, message) => void this.#listeners.get(nodeId)?.push(message),
    });
    this.#questions.set(id, question);
    const commits = options.follow ? this.#deps.state.commits(signal) : undefined;
    const following = commits === undefined ? undefined : followChanges(question, commits, this.#deps.state.view);
    const onAbort = () => question.cancel();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      question.begin();
      yield* question.messages;
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#questions.delete(id);
      question.cancel();
      await following;
    }
  }
}

/** Tells a follower's question of every change of a task or service, until the question is over. */
async function followChanges(
  question: LogQuestion,
  commits: ReturnType<ClusterState["commits"]>,
  view: View,
): Promise<void> {
  const iterator = commits[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), question.over.then(() => undefined)]);
      if (next === undefined || next.done) return;
      for (const change of next.value.changes) question.changed(change, view);
    }
  } catch {
    question.cancel();
  } finally {
    await iterator.return?.();
  }
}
