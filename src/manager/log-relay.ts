import { Channel } from "#base/channel.ts";
import type { NodeId } from "#model/ids.ts";
import type { LogBatch, RelayedLogs, RelayedSubscription } from "#wire/protocol.ts";
import type { LogAsker } from "./log-asker.ts";

/** Batches on their way to a manager that reads slowly. */
const BUFFERED_BATCHES = 16;

interface Nodes {
  /** Those that can be asked now. */
  readonly listening: () => Iterable<NodeId>;
  send(relayed: RelayedSubscription): void;
  /** Has the answers to a subscription come to this relay, until it is over. */
  expect(subscriptionId: string): void;
}

/** Asks nodes of this manager for logs on behalf of another manager, and passes on what they answer. */
export class LogRelay implements LogAsker {
  readonly messages = new Channel<RelayedLogs>(BUFFERED_BATCHES);
  readonly #nodes: Nodes;
  /** Who reads for which subscription. */
  readonly #open = new Map<string, RelayedSubscription>();

  constructor(nodes: Nodes) {
    this.#nodes = nodes;
    void this.messages.push({ type: "came", nodeIds: [...nodes.listening()] });
  }

  get subscriptionIds(): Iterable<string> {
    return new Set([...this.#open.values()].map(({ subscription }) => subscription.id));
  }

  /** Passes questions on until there are no more. */
  async run(subscriptions: AsyncIterable<RelayedSubscription>): Promise<void> {
    try {
      for await (const relayed of subscriptions) {
        const { nodeId, subscription } = relayed;
        this.#nodes.expect(subscription.id);
        if (subscription.close) this.#open.delete(keyOf(relayed));
        else this.#open.set(keyOf(relayed), { nodeId, subscription });
        this.#nodes.send(relayed);
      }
      this.messages.end();
    } catch (err) {
      this.messages.fail(err);
    }
  }

  nodeCame(nodeId: NodeId): void {
    void this.messages.push({ type: "came", nodeIds: [nodeId] });
  }

  nodeLeft(nodeId: NodeId): void {
    for (const [key, relayed] of this.#open) if (relayed.nodeId === nodeId) this.#open.delete(key);
    void this.messages.push({ type: "left", nodeIds: [nodeId] });
  }

  async answer(nodeId: NodeId, batch: LogBatch): Promise<void> {
    await this.messages.push({ type: "batch", nodeId, batch });
  }

  /** Takes back what the other manager, which is gone, has not taken back itself. */
  cancel(): void {
    for (const { nodeId, subscription } of this.#open.values()) {
      this.#nodes.send({ nodeId, subscription: { ...subscription, close: true, taskIds: [] } });
    }
    this.messages.end();
  }
}

const keyOf = ({ nodeId, subscription }: RelayedSubscription): string => `${nodeId} ${subscription.id}`;
