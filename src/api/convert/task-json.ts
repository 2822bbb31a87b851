import type { Task, TaskStatus } from "#model/objects.ts";
import type { TaskSpec } from "#model/spec.ts";
import type { View } from "#model/view.ts";
import { attachmentJson } from "./attachment-json.ts";
import { type Json, metaJson, rfc3339, unlessEmpty } from "./meta-json.ts";

/** Docker's JSON of a task. Source: fact sheet 1.8. */
export const taskJson = (view: View, task: Task): Json => ({
  ...metaJson(task),
  Labels: {},
  Spec: taskSpecJson(task.spec),
  ServiceID: unlessEmpty(task.serviceId),
  Slot: unlessEmpty(task.slot),
  NodeID: unlessEmpty(task.nodeId),
  Status: statusJson(task.status),
  DesiredState: task.desired,
  NetworksAttachments: unlessEmpty(task.networks?.map((network) => attachmentJson(view, network))),
  GenericResources: unlessEmpty(task.genericResources),
  JobIteration: task.jobIteration === undefined ? undefined : { Index: unlessEmpty(task.jobIteration) },
  Volumes: null,
});

/** A task's spec names its runtime only when that is not the usual one. */
const taskSpecJson = ({ Runtime, ...spec }: TaskSpec): TaskSpec => {
  if (spec.NetworkAttachmentSpec) {
    const Networks = (spec.Networks ?? []).map(({ Addresses: _ours, ...network }) => network);
    return { ...spec, Networks, Runtime: "attachment" };
  }
  return Runtime === undefined || Runtime === "container" ? spec : { ...spec, Runtime };
};

const statusJson = (status: TaskStatus): Json => ({
  Timestamp: rfc3339(status.timestamp),
  State: status.state,
  Message: unlessEmpty(status.message),
  Err: unlessEmpty(status.err),
  ContainerStatus: status.container && {
    ContainerID: status.container.containerId,
    PID: status.container.pid,
    ExitCode: status.container.exitCode,
  },
  PortStatus: { Ports: unlessEmpty(status.ports) },
});
