import { errorCode } from "#base/errors.ts";
import type { NetworkId } from "#model/ids.ts";
import type { NodeEndpoint } from "#model/node-network.ts";
import type { Node, Task } from "#model/objects.ts";
import { taskName } from "#model/task-name.ts";
import { isTerminal, isWanted, rank, TASK_STATES } from "#model/task-state.ts";
import { expandTaskSpec } from "#model/template.ts";
import type { View } from "#model/view.ts";
import { dataPathAddr } from "./data-path.ts";

/** Whether the task has, or is about to have, a container with addresses: then it is an endpoint. */
export const isEndpoint = ({ networks, nodeId, status }: Pick<Task, "networks" | "nodeId" | "status">): boolean =>
  networks !== undefined &&
  networks.length > 0 &&
  nodeId !== undefined &&
  rank(status.state) >= TASK_STATES.assigned &&
  !isTerminal(status.state);

/** Whether the task may be given new connections, as far as it can say itself: see `isUp` for its node. */
export const serves = ({ status, desired }: Pick<Task, "status" | "desired">): boolean =>
  status.state === "running" && isWanted(desired);

/** Whether what runs on the node can be reached, as far as managers know. One that has only lost its manager works on. */
export const isUp = (node: Node): boolean => node.status.state !== "down";

/**
 * What the task is to those of `networks` that it is on; undefined when it is no endpoint of any, or when nobody can say
 * where its node is.
 */
export function endpointOf(view: View, task: Task, networks: readonly NetworkId[]): NodeEndpoint | undefined {
  const node = task.nodeId === undefined ? undefined : view.get("node", task.nodeId);
  const places = task.networks?.filter(({ networkId }) => networks.includes(networkId)) ?? [];
  if (node === undefined || dataPathAddr(node) === "" || places.length === 0 || !isEndpoint(task)) return undefined;
  const hostname = hostnameOf(task, node);
  return {
    taskId: task.id,
    name: containerName(task),
    ...(hostname !== undefined && { hostname }),
    nodeId: node.id,
    host: dataPathAddr(node),
    addresses: Object.fromEntries(places.map(({ networkId, address }) => [networkId, address])),
    serving: serves(task) && isUp(node),
  };
}

/** A container that no service made has the name that its user gave it. */
export const containerName = (task: Task): string => task.spec.NetworkAttachmentSpec?.ContainerID ?? taskName(task);

/** As the container's engine is told it. A template that cannot be expanded fails the task, and names nothing here. */
function hostnameOf(task: Task, node: Node): string | undefined {
  const { Hostname } = task.spec.ContainerSpec ?? {};
  if (!Hostname?.includes("{{")) return Hostname || undefined;
  const spec = { ContainerSpec: { Image: "", Hostname }, ForceUpdate: 0 };
  try {
    return expandTaskSpec({ ...task, spec }, node).ContainerSpec?.Hostname || undefined;
  } catch (err) {
    if (errorCode(err) !== "invalid") throw err;
    return undefined;
  }
}
