import type { Task } from "#model/objects.ts";
import type { ContainerSpec, TaskSpec } from "#model/spec.ts";
import type { TemplateNode } from "#model/template.ts";

/** The node that the tests' tasks are on. */
export const node: TemplateNode = {
  id: "node1",
  description: { Hostname: "h1", Platform: { Architecture: "x86_64", OS: "linux" } },
};

/** A task of the service `web` in slot 2. */
export const task = (spec: Partial<TaskSpec>, changes: Partial<Task> = {}): Task => ({
  kind: "task",
  id: "task1",
  version: 1,
  createdAt: 0,
  updatedAt: 0,
  spec: { ForceUpdate: 0, ...spec },
  specVersion: 1,
  serviceId: "service1",
  slot: 2,
  nodeId: "node1",
  desired: "running",
  status: { state: "assigned", timestamp: 0, message: "" },
  serviceName: "web",
  serviceLabels: {},
  cause: { kind: "created" },
  ...changes,
});

/** The spec of a task that runs `app:1`. */
export const container = (spec: Partial<ContainerSpec>): Partial<TaskSpec> => ({
  ContainerSpec: { Image: "app:1", ...spec },
});
