import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { NodeId, TaskId } from "#model/ids.ts";
import type { Network, Task } from "#model/objects.ts";
import { isTerminal, rank, TASK_STATES } from "#model/task-state.ts";
import type { AgentService, AttachedNetwork, AttachRequest } from "#wire/protocol.ts";
import { commitFresh, commitOnce } from "./commit.ts";
import type { ClusterState } from "./state.ts";

interface Deps {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly newId: () => string;
}

/**
 * Places of single containers on attachable networks. Each is a task without a service, bound to the node that asked: so
 * it is allocated, placed and told to everybody as any other task.
 */
export function createAttachments(deps: Deps): Pick<AgentService, "attachNetwork" | "detachNetwork"> {
  const { state } = deps;
  const { view } = state;

  const remove = (taskId: TaskId, signal: AbortSignal): Promise<void> =>
    commitFresh(
      state,
      () => {
        const task = view.get("task", taskId);
        return task === undefined ? [] : [{ type: "delete", kind: "task", id: taskId, expect: task.version }];
      },
      signal,
    );

  return {
    async attachNetwork({ nodeId }, request, signal) {
      const network = findNetwork(state, request.network);
      const task = attachmentTask(deps, nodeId, network, request);
      const commits = state.commits(signal);
      await commitOnce(state, [{ type: "create", object: task }], signal);
      try {
        return await placed(state, commits, task.id);
      } catch (err) {
        // Whoever asked has gone or will not come back for it: the place must not stay taken.
        await remove(task.id, new AbortController().signal).catch(() => undefined);
        throw err;
      }
    },

    async detachNetwork({ nodeId }, taskId, signal) {
      const task = view.get("task", taskId);
      if (task === undefined) return;
      if (task.nodeId !== nodeId || task.spec.NetworkAttachmentSpec === undefined) {
        throw new FlotillaError("forbidden", `attachment ${taskId} doesn't belong to this node`);
      }
      await remove(taskId, signal);
    },
  };
}

function findNetwork({ view }: ClusterState, name: string): Network {
  const network = view.get("network", name) ?? view.byName("network", name);
  if (network === undefined) throw new FlotillaError("not_found", `network ${name} not found`);
  if (!network.spec.Attachable) throw new FlotillaError("forbidden", `network ${name} not manually attachable`);
  return network;
}

function attachmentTask({ clock, newId }: Deps, nodeId: NodeId, network: Network, request: AttachRequest): Task {
  const now = clock.now();
  const { containerName, aliases, address } = request;
  const place = { Target: network.id, Aliases: aliases, ...(address && { Addresses: [address] }) };
  return {
    kind: "task",
    id: newId(),
    version: 0,
    createdAt: now,
    updatedAt: now,
    spec: { NetworkAttachmentSpec: { ContainerID: containerName }, Networks: [place], ForceUpdate: 0 },
    specVersion: 0,
    slot: 0,
    nodeId,
    desired: "running",
    status: { state: "new", timestamp: now, appliedAt: now, message: "created" },
    serviceName: "",
    serviceLabels: {},
    cause: { kind: "created" },
  };
}

/** Resolves when the task has its address and its node has it. @throws FlotillaError with the reason why it cannot. */
async function placed(state: ClusterState, commits: AsyncIterable<unknown>, taskId: TaskId): Promise<AttachedNetwork> {
  const found = outcome(state.view.get("task", taskId));
  if (found !== undefined) return found;
  for await (const _ of commits) {
    const later = outcome(state.view.get("task", taskId));
    if (later !== undefined) return later;
  }
  throw new FlotillaError("unavailable", "the manager stops: try again");
}

/** Undefined while the allocator and the scheduler have not seen it. */
function outcome(task: Task | undefined): AttachedNetwork | undefined {
  if (task === undefined) throw new FlotillaError("unavailable", "the attachment was removed meanwhile: try again");
  const { state, err } = task.status;
  if (err !== undefined || isTerminal(state)) {
    const isAddress = task.spec.Networks?.[0]?.Addresses !== undefined && state === "new";
    throw new FlotillaError(isAddress ? "invalid" : "unavailable", err ?? task.status.message);
  }
  if (rank(state) < TASK_STATES.assigned) return undefined;
  const [place] = task.networks ?? [];
  return place && { taskId: task.id, networkId: place.networkId, address: place.address };
}
