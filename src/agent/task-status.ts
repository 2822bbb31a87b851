import type { Container } from "#engine/engine.ts";
import type { ContainerStatus, Task, TaskStatus, Timestamp } from "#model/objects.ts";
import type { PortConfig } from "#model/spec.ts";
import { rank } from "#model/task-state.ts";

/** What a step says of its task. */
export interface TaskReport {
  readonly state: TaskStatus["state"];
  readonly message: string;
  readonly err?: string;
}

/**
 * A task's status after a step. From `starting` on it says what is known of the container: what the engine tells now,
 * or else what was known before.
 */
export function taskStatus(
  task: Task,
  before: TaskStatus,
  report: TaskReport,
  container: Container | undefined,
  now: Timestamp,
): TaskStatus {
  const { state, message, err } = report;
  const base = { state, message, timestamp: now, ...(err !== undefined && { err }) };
  if (rank(state) < rank("starting")) return base;
  const known = container === undefined ? before.container : containerStatus(container);
  const ports = container === undefined ? (before.ports ?? []) : hostPorts(task, container);
  return { ...base, ...(known !== undefined && { container: known }), ...(ports.length > 0 && { ports }) };
}

const containerStatus = (container: Container): ContainerStatus => ({
  containerId: container.id,
  pid: container.pid,
  exitCode: container.exitCode,
});

/** The ports that the engine bound on the host, each once (it lists one per address family), named as in the spec. */
function hostPorts(task: Task, container: Container): readonly PortConfig[] {
  const ports = new Map<string, PortConfig>();
  for (const { protocol, target, published } of container.ports) {
    const wanted = task.endpoint?.ports?.find(
      (port) => port.PublishMode === "host" && port.Protocol === protocol && port.TargetPort === target,
    );
    ports.set(`${published}/${protocol}/${target}`, {
      ...(wanted?.Name !== undefined && { Name: wanted.Name }),
      Protocol: protocol,
      TargetPort: target,
      PublishedPort: published,
      PublishMode: "host",
    });
  }
  return [...ports.values()];
}
