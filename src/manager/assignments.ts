import type { NodeId, TaskId } from "#model/ids.ts";
import type { Config, Secret, Task } from "#model/objects.ts";
import { isTerminal, isWanted, rank } from "#model/task-state.ts";
import type { View } from "#model/view.ts";
import { beforeWithdrawal } from "#plan/network/withdrawal.ts";
import type { AssignmentChange } from "#wire/protocol.ts";
import type { Mail } from "./mailboxes.ts";
import type { NetworkDirectory } from "./network-directory.ts";
import { NodeNetworks } from "./node-networks.ts";

/** What was sent of a task. Its status is not part of it: that is the agent's own to tell. */
interface SentTask {
  readonly desired: Task["desired"];
  readonly startAfter: number | undefined;
}

interface Deps {
  readonly directory: NetworkDirectory;
  /** Whether the task, which is to stop, must not be told so yet. */
  readonly holds: (task: Task) => boolean;
}

/**
 * What one node has been told, and what to tell it next: the difference between its tasks, with the secrets, configs
 * and networks that they need, and what was sent before.
 *
 * - A task waits here until the node has its networks: the allocator gives it a place on them after it got the task.
 * - A task that others may still call is not told that it is to stop.
 */
export class NodeAssignments {
  readonly #nodeId: NodeId;
  readonly #holds: Deps["holds"];
  readonly #networks: NodeNetworks;
  readonly #tasks = new Map<TaskId, SentTask>();
  readonly #users = new Map<string, Set<TaskId>>();
  /** Those that wait for their networks. */
  readonly #waiting = new Set<TaskId>();

  constructor(nodeId: NodeId, { directory, holds }: Deps) {
    this.#nodeId = nodeId;
    this.#holds = holds;
    this.#networks = new NodeNetworks(nodeId, directory);
  }

  /** Changes for all tasks of the node: the first message of a session. */
  complete(view: View): AssignmentChange[] {
    const tasks = new Set([...view.tasksOfNode(this.#nodeId)].map((task) => task.id));
    return this.next(view, { tasks, services: new Set(), networks: new Set() });
  }

  /** Changes for what may have changed. What tasks need comes before them, and goes after them. */
  next(view: View, touched: Omit<Mail, "withdrawals">): AssignmentChange[] {
    const networks = this.#networks.next(touched);
    const payloads: AssignmentChange[] = [];
    const tasks: AssignmentChange[] = [];
    const unused = new Set<string>();
    for (const taskId of new Set([...touched.tasks, ...this.#waiting])) {
      const stored = view.get("task", taskId);
      this.#waiting.delete(taskId);
      if (stored !== undefined && stored.nodeId === this.#nodeId && isAssignable(stored)) {
        const task = this.#holds(stored) ? beforeWithdrawal(stored) : stored;
        if (this.#mustWait(task)) {
          this.#waiting.add(taskId);
        } else {
          payloads.push(...this.#supply(view, task, unused));
          tasks.push(...this.#tell(task));
        }
      } else if (this.#tasks.delete(taskId)) {
        this.#release(taskId, new Set(), unused);
        tasks.push({ type: "remove", kind: "task", id: taskId });
      }
    }
    return [...payloads, ...networks.updates, ...tasks, ...networks.removals, ...this.#withdraw(unused)];
  }

  /** Only one that the agent does not know may wait: of others, it would think that they are gone. */
  #mustWait(task: Task): boolean {
    if (this.#tasks.has(task.id) || task.status.state !== "assigned" || !isWanted(task.desired)) return false;
    return task.networks?.some(({ networkId }) => !this.#networks.has(networkId)) ?? false;
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
