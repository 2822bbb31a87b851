import type { Secret, Task } from "#model/objects.ts";
import type { ContainerSpec, NodeDescription } from "#model/spec.ts";

export const IMAGE = "app:1";

export const description: NodeDescription = {
  Hostname: "host1",
  Platform: { Architecture: "x86_64", OS: "linux" },
  Resources: { NanoCPUs: 2e9, MemoryBytes: 4e9 },
  Engine: { EngineVersion: "28.0.0", Plugins: [] },
};

/** A task that the scheduler has just given to node `n1`, wanted running. */
export const task = (id: string, container: Partial<ContainerSpec> = {}, more: Partial<Task> = {}): Task => ({
  kind: "task",
  version: 1,
  createdAt: 0,
  updatedAt: 0,
  id,
  spec: { ContainerSpec: { Image: IMAGE, ...container }, ForceUpdate: 0 },
  specVersion: 1,
  serviceId: "s1",
  slot: 1,
  nodeId: "n1",
  desired: "running",
  status: { state: "assigned", timestamp: 0, message: "scheduler assigned task to node" },
  serviceName: "web",
  serviceLabels: {},
  cause: { kind: "created" },
  ...more,
});

export const secret = (id: string, name: string, text: string, more: Partial<Secret["spec"]> = {}): Secret => ({
  kind: "secret",
  version: 1,
  createdAt: 0,
  updatedAt: 0,
  id,
  spec: { Name: name, Labels: {}, Data: Buffer.from(text).toString("base64"), ...more },
});

export const secretReference = (id: string, name: string) => ({
  SecretID: id,
  SecretName: name,
  File: { Name: name, UID: "0", GID: "0", Mode: 0o444 },
});
