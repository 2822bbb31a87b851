import { Wakeup } from "#base/wakeup.ts";
import type { NodeId, TaskId } from "#model/ids.ts";
import type { Node, Task } from "#model/objects.ts";
import type { Change } from "#model/view.ts";

/** What the streams of one connected node wait for. */
export interface Mailbox {
  /** Tasks of the node that may have changed since its stream looked. */
  readonly tasks: Set<TaskId>;
  readonly assignments: Wakeup;
  readonly session: Wakeup;
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
    const mailbox = { tasks: new Set<TaskId>(), assignments: new Wakeup(), session: new Wakeup() };
    this.#mailboxes.set(nodeId, mailbox);
    return mailbox;
  }

  deliver(change: Change): void {
    switch (change.kind) {
      case "task":
        return this.#deliverTask(change.type === "delete" ? change.old : change.object);
      case "node":
        if (change.type === "delete") this.#mailboxes.delete(change.old.id);
        else this.#deliverNode(change.object, change.type === "create");
        return;
      case "cluster":
        return this.#wakeSessions();
      case "service":
      case "secret":
      case "config":
      case "network":
        return;
    }
  }

  #deliverTask(task: Task): void {
    const mailbox = task.nodeId === undefined ? undefined : this.#mailboxes.get(task.nodeId);
    mailbox?.tasks.add(task.id);
    mailbox?.assignments.wake();
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
