import type { NodeId, TaskId } from "#model/ids.ts";
import type { Task, Timestamp } from "#model/objects.ts";
import type { ClusterTotals } from "./cluster-totals.ts";
import { explainTask } from "./decision.ts";
import { groupKey } from "./demand.ts";
import type { FilterContext } from "./filter.ts";
import type { NodeTotals } from "./node-totals.ts";
import { Pipeline } from "./pipeline.ts";
import { assign, type Decide, FILTERS } from "./placement.ts";

/** Waiting tasks whose node is given, as those of global services: the node has only to pass the filters. */
export class PreassignedTasks {
  readonly #context: FilterContext;
  readonly #byNode = new Map<NodeId, Map<TaskId, Task>>();
  /** Nodes with tasks that were not tried yet. */
  readonly #fresh = new Set<NodeId>();

  constructor(context: FilterContext) {
    this.#context = context;
  }

  /** Adds a task, or replaces what was known of it: a task that waits already is not tried again for that. */
  add(nodeId: NodeId, task: Task): void {
    let tasks = this.#byNode.get(nodeId);
    if (tasks === undefined) {
      tasks = new Map();
      this.#byNode.set(nodeId, tasks);
    }
    if (!tasks.has(task.id)) this.#fresh.add(nodeId);
    tasks.set(task.id, task);
  }

  remove(nodeId: NodeId, task: Task): void {
    const tasks = this.#byNode.get(nodeId);
    if (tasks?.delete(task.id) && tasks.size === 0) this.#byNode.delete(nodeId);
  }

  /** Tries new tasks, and all that wait for one of the `improved` nodes. */
  run(totals: ClusterTotals, improved: Iterable<NodeTotals>, now: Timestamp, decide: Decide): void {
    const nodeIds = new Set([...this.#fresh, ...[...improved].map(({ node }) => node.id)]);
    this.#fresh.clear();
    const pipelines = new Map<string, Pipeline>();
    for (const nodeId of nodeIds) {
      const node = totals.node(nodeId);
      if (node === undefined) continue;
      for (const task of this.#byNode.get(nodeId)?.values() ?? []) {
        const refusal = this.#pipeline(pipelines, task).refusal(node);
        if (refusal === undefined) assign(task, node, now, decide);
        else if (task.status.err !== refusal.explain(1)) decide(task, explainTask(task, refusal.explain(1), now));
      }
    }
  }

  /** One pipeline serves all tasks of a service: there is one on every node. */
  #pipeline(pipelines: Map<string, Pipeline>, task: Task): Pipeline {
    const key = groupKey(task);
    let pipeline = pipelines.get(key);
    if (pipeline === undefined) {
      pipeline = new Pipeline(FILTERS, task, this.#context);
      pipelines.set(key, pipeline);
    }
    return pipeline;
  }
}
