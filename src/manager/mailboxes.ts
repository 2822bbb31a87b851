import { Wakeup } from "#base/wakeup.ts";
import type { NetworkId, NodeId, TaskId } from "#model/ids.ts";
import type { Node, Task } from "#model/objects.ts";
import type { Change, View } from "#model/view.ts";
import type { Touched } from "./touched.ts";
import type { Withdrawal } from "./withdrawal.ts";

/** What the streams of one connected node wait for. */
export interface Mailbox {
  /** Tasks of the node that may have changed since its stream looked. */
  readonly tasks: Set<TaskId>;
  /** Services, by `serviceKey`, that may look different to the node. */
  readonly services: Set<string>;
  /** Networks that the node has joined or left: perhaps both, and it was not told of what happened in between. */
  readonly networks: Set<NetworkId>;
  /** What the node is waited for with: see `Withdrawals`. */
  readonly withdrawals: Set<Withdrawal>;
  readonly assignments: Wakeup;
  readonly session: Wakeup;
}

/** What a mailbox had for a node's assignments. */
export type Mail = Readonly<Pick<Mailbox, "tasks" | "services" | "networks" | "withdrawals">>;

/** Takes out what the mailbox has for the node's assignments. */
export function empty(mailbox: Mailbox): Mail {
  const mail = {
    tasks: new Set(mailbox.tasks),
    services: new Set(mailbox.services),
    networks: new Set(mailbox.networks),
    withdrawals: new Set(mailbox.withdrawals),
  };
  for (const box of [mailbox.tasks, mailbox.services, mailbox.networks, mailbox.withdrawals]) box.clear();
  return mail;
}

/**
 * Sorts the changes of the cluster into the mailboxes of the nodes that they concern, so that each commit is read once,
 * whatever the number of nodes.
 */
export class Mailboxes {
  readonly #mailboxes = new Map<NodeId, Mailbox>();

  /** The node's mailbox; made when it has none. */
  of(nodeId: NodeId): Mailbox {
    const known = this.#mailboxes.get(nodeId);
    if (known !== undefined) return known;
    const mailbox: Mailbox = {
      tasks: new Set(),
      services: new Set(),
      networks: new Set(),
      withdrawals: new Set(),
      assignments: new Wakeup(),
      session: new Wakeup(),
    };
    this.#mailboxes.set(nodeId, mailbox);
    return mailbox;
  }

  deliver(change: Change): void {
    switch (change.kind) {
      case "task":
        return this.deliverTask(change.type === "delete" ? change.old : change.object);
      case "node":
        if (change.type === "delete") this.#mailboxes.delete(change.old.id);
        else this.#deliverNode(change.object, change.type === "create");
        return;
      case "cluster":
        return this.#wakeSessions();
      case "manager":
        if (change.type !== "update") this.#wakeSessions();
        return;
      case "service":
      case "secret":
      case "config":
      case "network":
      case "container":
      case "leadership":
        return;
    }
  }

  deliverTask(task: Task): void {
    const mailbox = task.nodeId === undefined ? undefined : this.#mailboxes.get(task.nodeId);
    mailbox?.tasks.add(task.id);
    mailbox?.assignments.wake();
  }

  /** @param service by `serviceKey`: the one that the withdrawal changes. */
  deliverWithdrawal(nodeId: NodeId, withdrawal: Withdrawal, service?: string): void {
    const mailbox = this.#mailboxes.get(nodeId);
    mailbox?.withdrawals.add(withdrawal);
    if (service !== undefined) mailbox?.services.add(service);
    mailbox?.assignments.wake();
  }

  /** Has the nodes look that know of what was touched. */
  deliverTouched({ services, networks, nodes }: Touched, view: View): void {
    for (const [key, on] of services) {
      for (const id of on) for (const node of view.nodesOfNetwork(id)) this.#deliverService(node.id, key);
    }
    for (const id of networks) for (const node of view.nodesOfNetwork(id)) this.#wake(node.id);
    for (const [nodeId, joinedOrLeft] of nodes) {
      for (const id of joinedOrLeft) this.#mailboxes.get(nodeId)?.networks.add(id);
      this.#wake(nodeId);
    }
  }

  #deliverService(nodeId: NodeId, key: string): void {
    this.#mailboxes.get(nodeId)?.services.add(key);
    this.#wake(nodeId);
  }

  #wake(nodeId: NodeId): void {
    this.#mailboxes.get(nodeId)?.assignments.wake();
  }

  /** Every session tells its node who the managers are. */
  #deliverNode(node: Node, isNew: boolean): void {
    if (node.manager !== undefined || isNew) this.#wakeSessions();
    else this.#mailboxes.get(node.id)?.session.wake();
  }

  #wakeSessions(): void {
    for (const mailbox of this.#mailboxes.values()) mailbox.session.wake();
  }
}
