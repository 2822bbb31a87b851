import type { NodeId, TaskId } from "#model/ids.ts";
import type { Config, Secret, Task } from "#model/objects.ts";
import { isTerminal, isWanted, rank } from "#model/task-state.ts";
import type { View } from "#model/view.ts";
import type { AssignmentChange } from "#wire/protocol.ts";

/** What was sent of a task. Its status is not part of it: that is the agent's own to tell. */
interface SentTask {
  readonly desired: Task["desired"];
  readonly startAfter: number | undefined;
}

/**
 * What one node has been told, and what to tell it next: the difference between its tasks, with the secrets and
 * configs that they need, and what was sent before.
 */
export class NodeAssignments {
  readonly #nodeId: NodeId;
  readonly #tasks = new Map<TaskId, SentTask>();
  readonly #users = new Map<string, Set<TaskId>>();

  constructor(nodeId: NodeId) {
    this.#nodeId = nodeId;
  }

  /** Changes for all tasks of the node: the first message of a session. */
  complete(view: View): AssignmentChange[] {
    return this.next(view, new Set([...view.tasksOfNode(this.#nodeId)].map((task) => task.id)));
  }

  /** Changes for tasks that may have changed. Payloads come before the tasks that need them, and go after them. */
  next(view: View, taskIds: ReadonlySet<TaskId>): AssignmentChange[] {
    const payloads: AssignmentChange[] = [];
    const tasks: AssignmentChange[] = [];
    const unused = new Set<string>();
    for (const taskId of taskIds) {
      const task = view.get("task", taskId);
      if (task !== undefined && task.nodeId === this.#nodeId && isAssignable(task)) {
        payloads.push(...this.#supply(view, task, unused));
        tasks.push(...this.#tell(task));
      } else if (this.#tasks.delete(taskId)) {
        this.#release(taskId, new Set(), unused);
        tasks.push({ type: "remove", kind: "task", id: taskId });
      }
    }
    return [...payloads, ...tasks, ...this.#withdraw(unused)];
  }

  #tell(task: Task): AssignmentChange[] {
    const sent = this.#tasks.get(task.id);
    if (sent?.desired === task.desired && sent.startAfter === task.startAfter) return [];
    this.#tasks.set(task.id, { desired: task.desired, startAfter: task.startAfter });
    return [{ type: "update", object: task }];
  }

  /** Those that the task needs and the node has not; those that the task needs no longer may become unused. */
  #supply(view: View, task: Task, unused: Set<string>): AssignmentChange[] {
    const needed = payloadsOf(view, task);
    this.#release(task.id, new Set(needed.map(payloadKey)), unused);
    return needed.flatMap((object): AssignmentChange[] => {
      const key = payloadKey(object);
      const users = this.#users.get(key);
      this.#users.set(key, (users ?? new Set()).add(task.id));
      return users === undefined ? [{ type: "update", object }] : [];
    });
  }

  #release(taskId: TaskId, needed: ReadonlySet<string>, unused: Set<string>): void {
    for (const [key, users] of this.#users) {
      if (!needed.has(key) && users.delete(taskId) && users.size === 0) unused.add(key);
    }
  }

  /** Only at the end is it known what no task needs: one that failed leaves its secrets to its successor. */
  #withdraw(unused: ReadonlySet<string>): AssignmentChange[] {
    return [...unused].flatMap((key): AssignmentChange[] => {
      if (this.#users.get(key)?.size !== 0) return [];
      this.#users.delete(key);
      const [kind, id] = key.split("/") as ["secret" | "config", string];
      return [{ type: "remove", kind, id }];
    });
  }
}

/** A node is told of a task from its assignment until it is deleted. */
const isAssignable = (task: Task): boolean => rank(task.status.state) >= rank("assigned");

const payloadKey = (object: Secret | Config): string => `${object.kind}/${object.id}`;

/** The secrets and configs that the task needs while it may run. */
function payloadsOf(view: View, task: Task): (Secret | Config)[] {
  if (isTerminal(task.status.state) || !isWanted(task.desired)) return [];
  const container = task.spec.ContainerSpec;
  const secrets = (container?.Secrets ?? []).map((ref) => view.get("secret", ref.SecretID));
  const configs = (container?.Configs ?? []).map((ref) => view.get("config", ref.ConfigID));
  return [...secrets, ...configs].filter((object) => object !== undefined);
}
