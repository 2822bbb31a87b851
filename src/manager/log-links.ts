import { Channel } from "#base/channel.ts";
import { errorMessage } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { NodeId } from "#model/ids.ts";
import type { LiveManager } from "#model/objects.ts";
import type { LogSubscription, PeerConnection, RelayedLogs, RelayedSubscription } from "#wire/protocol.ts";
import type { LogAsker } from "./log-asker.ts";

/** Opens a connection to another manager. Disposing of it ends every call on it. */
export type ConnectPeer = (
  addr: string,
  signal: AbortSignal,
) => Promise<Pick<PeerConnection, "relayLogs"> & AsyncDisposable>;

/** Subscriptions on their way to a manager. They are small. */
const BUFFERED_SUBSCRIPTIONS = 10_000;

/** One question's way to one other manager, and the nodes that can be asked by it. */
interface Link {
  readonly subscriptions: Channel<RelayedSubscription>;
  readonly nodes: Set<NodeId>;
}

interface Deps {
  readonly connect: ConnectPeer;
  readonly log: Logger;
}

/** One question's ways to nodes that have their session with other managers. */
export class LogLinks implements AsyncDisposable {
  readonly #deps: Deps;
  readonly #asker: LogAsker;
  readonly #jobs: TaskGroup;
  readonly #links = new Map<NodeId, Link>();

  /** Until `signal` aborts or it is disposed of. Tells `asker` of nodes that come and go, and of what they answer. */
  constructor(deps: Deps, asker: LogAsker, signal: AbortSignal) {
    this.#deps = deps;
    this.#asker = asker;
    this.#jobs = new TaskGroup(signal);
  }

  /** Opens a way to the manager. Resolves when its nodes are known, or when it could not be reached. */
  async open(manager: LiveManager): Promise<void> {
    if (this.#links.has(manager.id)) return;
    const link: Link = { subscriptions: new Channel(BUFFERED_SUBSCRIPTIONS), nodes: new Set() };
    this.#links.set(manager.id, link);
    const { promise: known, resolve } = Promise.withResolvers<void>();
    this.#jobs.spawn(`logs of nodes at ${manager.addr}`, async (signal) => {
      try {
        await this.#follow(manager, link, resolve, signal);
      } catch (err) {
        signal.throwIfAborted();
        this.#deps.log.warn({ manager: manager.addr, err: errorMessage(err) }, "logs of another manager's nodes lost");
      } finally {
        this.#links.delete(manager.id);
        link.subscriptions.end();
        for (const nodeId of link.nodes) this.#asker.nodeLeft(nodeId);
        resolve();
      }
    });
    await known;
  }

  has(nodeId: NodeId): boolean {
    return this.#linkOf(nodeId) !== undefined;
  }

  send(nodeId: NodeId, subscription: LogSubscription): void {
    void this.#linkOf(nodeId)?.subscriptions.push({ nodeId, subscription });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#jobs[Symbol.asyncDispose]();
  }

  async #follow({ addr }: LiveManager, link: Link, onKnown: () => void, signal: AbortSignal): Promise<void> {
    await using connection = await this.#deps.connect(addr, signal);
    for await (const relayed of connection.relayLogs(link.subscriptions, signal)) {
      await this.#take(relayed, link);
      onKnown();
    }
  }

  async #take(relayed: RelayedLogs, { nodes }: Link): Promise<void> {
    if (relayed.type === "batch") return await this.#asker.answer(relayed.nodeId, relayed.batch);
    for (const nodeId of relayed.nodeIds) {
      if (relayed.type === "came") {
        nodes.add(nodeId);
        this.#asker.nodeCame(nodeId);
      } else if (nodes.delete(nodeId)) this.#asker.nodeLeft(nodeId);
    }
  }

  #linkOf(nodeId: NodeId): Link | undefined {
    for (const link of this.#links.values()) if (link.nodes.has(nodeId)) return link;
    return undefined;
  }
}
