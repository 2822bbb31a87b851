import type { Network, Node, Service, Task } from "#model/objects.ts";
import type { NetworkSpec, PortConfig } from "#model/spec.ts";
import { node, service, task } from "./builders.ts";

/** An allocated overlay network whose subnet is 10.0.NUMBER.0/24. */
export function network(id: string, number: number, spec: Partial<NetworkSpec> = {}): Network {
  return {
    kind: "network",
    id,
    version: 1,
    createdAt: 0,
    updatedAt: 0,
    spec: { Name: id, Labels: {}, Driver: "overlay", ...spec },
    allocation: { subnet: `10.0.${number}.0/24`, gateway: `10.0.${number}.1`, vni: 4_096 + number },
  };
}

/** A ready node at 10.1.0.NUMBER with its own address on each of the networks. */
export const nodeOn = (id: string, number: number, attachments: Record<string, string>): Node =>
  node(id, { attachments, status: { addr: `10.1.0.${number}` } });

/** Service `id` on the networks, by name of alias. */
export const serviceOn = (
  id: string,
  networks: Record<string, readonly string[]>,
  overrides: Partial<Service> = {},
): Service =>
  service(
    {
      Name: id,
      TaskTemplate: {
        ContainerSpec: { Image: "nginx:1" },
        ForceUpdate: 0,
        Networks: Object.entries(networks).map(([Target, Aliases]) => ({ Target, Aliases })),
      },
    },
    { id, ...overrides },
  );

/** A task of `of` that runs on node n1, unless told otherwise, with an address on each of the networks. */
export const taskOn = (
  of: Service,
  id: string,
  addresses: Record<string, string>,
  overrides: Parameters<typeof task>[1] = {},
): Task =>
  task(of, {
    id,
    ranAt: 1,
    networks: Object.entries(addresses).map(([networkId, address]) => ({ networkId, address })),
    ...overrides,
  });

/** A container of node n1 that its user attached to the networks. */
export function attachedTask(id: string, name: string, addresses: Record<string, string>): Task {
  const { serviceId: _, ...rest } = taskOn(service(), id, addresses, { serviceName: "", slot: 0 });
  const Networks = Object.keys(addresses).map((Target) => ({ Target, Aliases: [`${name}-alias`] }));
  return { ...rest, spec: { NetworkAttachmentSpec: { ContainerID: name }, Networks, ForceUpdate: 0 } };
}

export const meshPort = (PublishedPort: number, TargetPort: number): PortConfig => ({
  Protocol: "tcp",
  TargetPort,
  PublishedPort,
  PublishMode: "ingress",
});
