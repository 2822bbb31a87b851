import type { Node, Task, TaskCause } from "#model/objects.ts";

/** What a person calls the node. */
export const nodeName = (node: Node): string => node.description?.Hostname ?? node.spec.Name ?? node.id;

/** How a task ended, in one sentence. */
export function describeEnd({ status }: Task): string {
  const exitCode = status.container?.exitCode ?? 0;
  if (status.state === "rejected") return `task was rejected: ${status.err ?? status.message}`;
  if (exitCode !== 0) return `task exited with code ${exitCode}`;
  if (status.err !== undefined && status.err !== "") return `task failed: ${status.err}`;
  return status.state === "complete" ? "task finished" : `task ended as ${status.state}`;
}

/** Why a task cannot stay on its node, in one sentence; `node` is undefined when it was removed. */
export function describeLoss(node: Node | undefined, task: Task): string {
  if (node === undefined) return `node ${task.nodeId ?? ""} was removed`;
  return `node ${nodeName(node)} is ${node.status.state === "down" ? "down" : "drained"}`;
}

/** Why a node gets a task of a service that runs once per node. */
export const perNodeCause = (node: Node): TaskCause => ({
  kind: "created",
  detail: `node ${nodeName(node)} had no task of this service`,
});
