import type { NodeNetwork } from "#model/node-network.ts";
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

/** A network as a manager tells node `n1` of it; the number in its id makes subnet and VNI. */
export function network(id: string, more: Partial<NodeNetwork> = {}): NodeNetwork {
  const number = Number(id.replace(/\D/g, ""));
  return {
    kind: "node-network",
    id,
    name: `net-${id}`,
    internal: false,
    ingress: false,
    attachable: false,
    subnet: `10.0.${number}.0/24`,
    vni: 4096 + number,
    mtu: 1450,
    dataPathPort: 4789,
    address: `10.0.${number}.2`,
    host: "192.0.2.1",
    peers: [],
    ...more,
  };
}
