import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { NetworkId, NodeId, TaskId } from "#model/ids.ts";
import type { Node, Task } from "#model/objects.ts";
import { isTerminal } from "#model/task-state.ts";
import type { Change, View } from "#model/view.ts";
import { serviceKey } from "#plan/network/node-service.ts";
import { mustBeWithdrawn } from "#plan/network/withdrawal.ts";
import { ConfirmedStream, type SentMessage } from "./confirmed-stream.ts";
import type { Mailboxes } from "./mailboxes.ts";
import type { NetworkDirectory } from "./network-directory.ts";
import type { Withdrawal } from "./withdrawal.ts";

/** A task is stopped after this even if nodes have not confirmed: one that hangs must not hold up an update. */
export const WITHDRAWAL_LIMIT_MS = 5_000;

interface Deps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly view: View;
  readonly mailboxes: Pick<Mailboxes, "deliverTask" | "deliverWithdrawal">;
  readonly directory: Pick<NetworkDirectory, "touchService">;
  readonly isConnected: (nodeId: NodeId) => boolean;
}

/**
 * Keeps a task that has served from being stopped until all nodes that share a network with it have confirmed that they
 * send it no new connections, or for `WITHDRAWAL_LIMIT_MS` at most.
 *
 * - Nodes that are not connected are not waited for, except those that a manager which has just started expects back.
 * - All of it is in memory: a manager that starts waits for confirmations of what it tells the nodes itself.
 */
export class Withdrawals {
  readonly #deps: Deps;
  /** In the order in which their time is over. */
  readonly #pending = new Set<Withdrawal>();
  /** By their networks: those that no node has been told of yet, so that tasks may still join. */
  readonly #gathering = new Map<string, Withdrawal>();
  /** Of each task until it has ended; `through` when it may be stopped. */
  readonly #tasks = new Map<TaskId, Withdrawal | "through">();
  readonly #streams = new Map<NodeId, ConfirmedStream>();
  readonly #wakeup = new Wakeup();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Whether the task's agent may not hear yet that the task is to stop. Asking begins the withdrawal. */
  holds(task: Task): boolean {
    if (!mustBeWithdrawn(task)) return false;
    if (!this.#tasks.has(task.id)) this.#begin(task);
    return this.#tasks.get(task.id) !== "through";
  }

  /**
   * Follows a node's stream of assignments, in place of an older one. To be called before the node's first message is
   * worked out: then it tells of all that is pending.
   */
  open(nodeId: NodeId, signal: AbortSignal): ConfirmedStream {
    const stream = new ConfirmedStream(signal, {
      onConfirmed: (withdrawal) => this.#turnedAway(withdrawal, nodeId),
      onClosed: () => {
        if (this.#streams.get(nodeId) !== stream) return;
        this.#streams.delete(nodeId);
        this.#giveUp(nodeId);
      },
    });
    this.#streams.set(nodeId, stream);
    const attachments = this.#deps.view.get("node", nodeId)?.attachments ?? {};
    for (const withdrawal of this.#pending) {
      if (!withdrawal.networks.some((id) => Object.hasOwn(attachments, id))) continue;
      withdrawal.waiting.add(nodeId);
      this.#deps.mailboxes.deliverWithdrawal(nodeId, withdrawal);
    }
    return stream;
  }

  /** Notes what the node is being told. Tasks that come later may not join what a node has been told of already. */
  tell(stream: ConfirmedStream, message: SentMessage): void {
    for (const withdrawal of message.withdrawals) this.#close(withdrawal);
    stream.sent(message);
  }

  /**
   * Takes a node's word that it works as its assignments up to `resultsIn` want.
   * @throws FlotillaError `invalid` when it was not sent them.
   */
  confirm(nodeId: NodeId, resultsIn: string): void {
    this.#streams.get(nodeId)?.confirm(resultsIn);
  }

  /** Must be told of every change. */
  route(change: Change): void {
    if (change.kind === "task") {
      if (change.type === "delete") this.#tasks.delete(change.old.id);
      else if (hasEnded(change.object)) this.#tasks.delete(change.object.id);
    } else if (change.kind === "node") {
      if (change.type === "delete") this.#giveUp(change.old.id);
      else if (!this.#isAwaited(change.object)) this.#giveUp(change.object.id);
    }
  }

  /** Stops the waiting for those who have not confirmed in time, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    for (;;) {
      const [first] = this.#pending;
      await this.#wakeup.wait(clock, first?.until, signal);
      for (const withdrawal of this.#pending) {
        if (withdrawal.until > clock.now()) break;
        const { waiting, tasks } = withdrawal;
        log.warn(
          { nodes: [...waiting], tasks: [...tasks.keys()] },
          "tasks are stopped though nodes may still use them",
        );
        this.#end(withdrawal);
      }
    }
  }

  #begin(task: Task): void {
    const networks = (task.networks ?? []).map(({ networkId }) => networkId).sort();
    const withdrawal = this.#gathering.get(networks.join()) ?? this.#gather(networks);
    this.#tasks.set(task.id, withdrawal);
    withdrawal.tasks.set(task.id, task);
    const key = serviceKey(task);
    if (!withdrawal.services.has(key)) {
      withdrawal.services.add(key);
      this.#deps.directory.touchService(key);
      for (const nodeId of withdrawal.waiting) this.#deps.mailboxes.deliverWithdrawal(nodeId, withdrawal, key);
    }
    if (withdrawal.waiting.size === 0) this.#end(withdrawal);
  }

  #gather(networks: readonly NetworkId[]): Withdrawal {
    const { view, clock } = this.#deps;
    const nodes = networks.flatMap((id) => [...view.nodesOfNetwork(id)]).filter((node) => this.#isAwaited(node));
    const withdrawal: Withdrawal = {
      networks,
      tasks: new Map(),
      services: new Set(),
      waiting: new Set(nodes.map(({ id }) => id)),
      until: clock.now() + WITHDRAWAL_LIMIT_MS,
    };
    this.#gathering.set(networks.join(), withdrawal);
    this.#pending.add(withdrawal);
    this.#wakeup.wake();
    return withdrawal;
  }

  #isAwaited(node: Node): boolean {
    return node.status.state === "unknown" || this.#deps.isConnected(node.id);
  }

  #giveUp(nodeId: NodeId): void {
    for (const withdrawal of this.#pending) this.#turnedAway(withdrawal, nodeId);
  }

  #turnedAway(withdrawal: Withdrawal, nodeId: NodeId): void {
    if (withdrawal.waiting.delete(nodeId) && withdrawal.waiting.size === 0) this.#end(withdrawal);
  }

  #close(withdrawal: Withdrawal): void {
    const key = withdrawal.networks.join();
    if (this.#gathering.get(key) === withdrawal) this.#gathering.delete(key);
  }

  #end(withdrawal: Withdrawal): void {
    this.#close(withdrawal);
    this.#pending.delete(withdrawal);
    for (const task of withdrawal.tasks.values()) {
      if (this.#tasks.get(task.id) !== withdrawal) continue;
      this.#tasks.set(task.id, "through");
      this.#deps.mailboxes.deliverTask(task);
    }
  }
}

/** Whether nothing of the task is left to be stopped. */
const hasEnded = (task: Task): boolean => isTerminal(task.status.state) && !mustBeWithdrawn(task);
