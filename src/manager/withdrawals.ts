import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { NetworkId, NodeId, TaskId } from "#model/ids.ts";
import type { LiveManager, Node, Revision, Task } from "#model/objects.ts";
import { isTerminal } from "#model/task-state.ts";
import type { Change, View } from "#model/view.ts";
import { serviceKey } from "#plan/network/node-service.ts";
import { mustBeWithdrawn } from "#plan/network/withdrawal.ts";
import { ConfirmedStream, type SentMessage } from "./confirmed-stream.ts";
import type { Mailboxes } from "./mailboxes.ts";
import type { NetworkDirectory } from "./network-directory.ts";
import { otherManagers } from "./other-managers.ts";
import type { Withdrawal } from "./withdrawal.ts";
import { WithdrawalNotices } from "./withdrawal-notices.ts";

/** A task is stopped after this even if nodes have not confirmed: one that hangs must not hold up an update. */
export const WITHDRAWAL_LIMIT_MS = 5_000;

interface Deps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly view: View;
  readonly mailboxes: Pick<Mailboxes, "deliverTask" | "deliverWithdrawal">;
  readonly directory: Pick<NetworkDirectory, "touchService">;
  readonly isConnected: (nodeId: NodeId) => boolean;
  /** This manager's node. */
  readonly nodeId: NodeId;
  /** Tells the other managers `LiveManager.withdrawnUpTo`; called when one of them waits for it, with growing numbers. */
  readonly publish: (withdrawnUpTo: Revision) => void;
}

/**
 * Keeps a task that has served from being stopped until all nodes that share a network with it have confirmed that they
 * send it no new connections, or for `WITHDRAWAL_LIMIT_MS` at most.
 *
 * - Each manager asks the nodes that have their session with it, whoever has the task's own node; the one that has it
 *   waits until the others have published that they are through.
 * - Nodes that are not connected are not waited for, except those that a manager which has just started expects back.
 * - All of it is in memory: a manager that starts waits for confirmations of what it tells the nodes itself.
 */
export class Withdrawals {
  readonly #deps: Deps;
  /** In the order in which their time is over. */
  readonly #pending = new Set<Withdrawal>();
  /** By their networks: those that no node has been told of yet, so that tasks may still join. */
  readonly #gathering = new Map<string, Withdrawal>();
  /** Of each task until it has ended. */
  readonly #tasks = new Map<TaskId, Withdrawal>();
  readonly #streams = new Map<NodeId, ConfirmedStream>();
  readonly #wakeup = new Wakeup();
  /** All commits up to this one have been routed. */
  #routed: Revision;
  readonly #notices: WithdrawalNotices;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#routed = deps.view.revision;
    this.#notices = new WithdrawalNotices(deps.publish);
  }

  /** See `LiveManager`. */
  get withdrawnUpTo(): Revision {
    let upTo = this.#routed;
    for (const { waiting, since } of this.#pending) if (waiting.size > 0) upTo = Math.min(upTo, since - 1);
    return upTo;
  }

  /**
   * Whether the task's agent, which has its session here, may not hear yet that the task is to stop. Asking begins the
   * withdrawal.
   */
  holds(task: Task): boolean {
    if (!mustBeWithdrawn(task)) return false;
    const known = this.#tasks.get(task.id);
    // One that ended while another manager had the task's node has not waited for that manager's nodes.
    const withdrawal = known === undefined || (known.isOver && !known.held.has(task.id)) ? this.#begin(task) : known;
    if (!withdrawal.held.has(task.id)) {
      withdrawal.held.add(task.id);
      withdrawal.heldUpTo = Math.max(withdrawal.heldUpTo, task.version);
    }
    this.#endIfThrough(withdrawal);
    return !withdrawal.isOver;
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

  /** Must be told of every change, then of the revision of its commit. */
  route(change: Change): void {
    if (change.kind === "task") {
      if (change.type === "delete") this.#tasks.delete(change.old.id);
      else if (hasEnded(change.object)) this.#tasks.delete(change.object.id);
      else this.#beginForOthers(change.object);
    } else if (change.kind === "node") {
      if (change.type === "delete") this.#giveUp(change.old.id);
      else this.#routeNode(change.object);
    }
  }

  routed(revision: Revision): void {
    this.#routed = revision;
    for (const withdrawal of this.#pending) this.#endIfThrough(withdrawal);
    this.#publish();
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
        const managers = this.#others().filter((other) => !isThrough(other, withdrawal));
        log.warn(
          { nodes: [...waiting], managers: managers.map(({ id }) => id), tasks: [...tasks.keys()] },
          "tasks are stopped though nodes may still use them",
        );
        waiting.clear();
        this.#end(withdrawal);
      }
      this.#publish();
    }
  }

  /** A task of a node that has its session elsewhere: that manager waits for the nodes that are here. */
  #beginForOthers(task: Task): void {
    if (task.nodeId === undefined || !mustBeWithdrawn(task) || this.#deps.isConnected(task.nodeId)) return;
    if (this.#others().length === 0) return;
    this.#notices.await(task.version);
    if (!this.#tasks.has(task.id)) this.#begin(task);
  }

  #routeNode(node: Node): void {
    if (!this.#isAwaited(node)) this.#giveUp(node.id);
    if (this.#deps.isConnected(node.id) || this.#tasks.size === 0) return;
    for (const task of this.#deps.view.tasksOfNode(node.id)) {
      if (this.#tasks.has(task.id)) this.#notices.await(task.version);
    }
  }

  #begin(task: Task): Withdrawal {
    const networks = (task.networks ?? []).map(({ networkId }) => networkId).sort();
    const withdrawal = this.#gathering.get(networks.join()) ?? this.#gather(networks, task.version);
    this.#tasks.set(task.id, withdrawal);
    withdrawal.tasks.set(task.id, task);
    withdrawal.since = Math.min(withdrawal.since, task.version);
    const key = serviceKey(task);
    if (!withdrawal.services.has(key)) {
      withdrawal.services.add(key);
      this.#deps.directory.touchService(key);
      for (const nodeId of withdrawal.waiting) this.#deps.mailboxes.deliverWithdrawal(nodeId, withdrawal, key);
    }
    return withdrawal;
  }

  #gather(networks: readonly NetworkId[], revision: Revision): Withdrawal {
    const { view, clock } = this.#deps;
    const nodes = networks.flatMap((id) => [...view.nodesOfNetwork(id)]).filter((node) => this.#isAwaited(node));
    const withdrawal: Withdrawal = {
      networks,
      tasks: new Map(),
      services: new Set(),
      waiting: new Set(nodes.map(({ id }) => id)),
      held: new Set(),
      heldUpTo: 0,
      since: revision,
      until: clock.now() + WITHDRAWAL_LIMIT_MS,
      isOver: false,
    };
    this.#gathering.set(networks.join(), withdrawal);
    this.#pending.add(withdrawal);
    this.#wakeup.wake();
    return withdrawal;
  }

  #isAwaited(node: Node): boolean {
    const { view, nodeId, isConnected } = this.#deps;
    if (isConnected(node.id)) return true;
    const { state, via } = node.status;
    const isElsewhere = via !== undefined && via !== nodeId && view.get("manager", via) !== undefined;
    return state === "unknown" && !isElsewhere;
  }

  #giveUp(nodeId: NodeId): void {
    for (const withdrawal of this.#pending) this.#turnedAway(withdrawal, nodeId);
  }

  #turnedAway(withdrawal: Withdrawal, nodeId: NodeId): void {
    if (!withdrawal.waiting.delete(nodeId) || withdrawal.waiting.size > 0) return;
    this.#endIfThrough(withdrawal);
    this.#publish();
  }

  #endIfThrough(withdrawal: Withdrawal): void {
    if (withdrawal.isOver || withdrawal.waiting.size > 0) return;
    if (withdrawal.held.size > 0 && !this.#others().every((other) => isThrough(other, withdrawal))) return;
    this.#end(withdrawal);
  }

  #publish(): void {
    if (this.#others().length === 0) this.#notices.clear();
    else this.#notices.reached(this.withdrawnUpTo);
  }

  #others(): readonly LiveManager[] {
    return otherManagers(this.#deps.view, this.#deps.nodeId);
  }

  #close(withdrawal: Withdrawal): void {
    const key = withdrawal.networks.join();
    if (this.#gathering.get(key) === withdrawal) this.#gathering.delete(key);
  }

  #end(withdrawal: Withdrawal): void {
    this.#close(withdrawal);
    this.#pending.delete(withdrawal);
    withdrawal.isOver = true;
    for (const task of withdrawal.tasks.values()) {
      if (this.#tasks.get(task.id) === withdrawal) this.#deps.mailboxes.deliverTask(task);
    }
  }
}

/** Whether the nodes of another manager have turned away from the tasks. */
const isThrough = ({ withdrawnUpTo }: LiveManager, { heldUpTo }: Withdrawal): boolean => withdrawnUpTo >= heldUpTo;

/** Whether nothing of the task is left to be stopped. */
const hasEnded = (task: Task): boolean => isTerminal(task.status.state) && !mustBeWithdrawn(task);
