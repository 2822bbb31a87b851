import type { MeshPort, NodeEndpoint, NodeNetwork, NodeService } from "#model/node-network.ts";

/** The hosts of the examples. What is rendered is what the first of them holds. */
export const H1 = "192.168.7.1";
export const H2 = "192.168.7.2";

const BASE = {
  kind: "node-network",
  internal: false,
  ingress: false,
  attachable: false,
  mtu: 1450,
  dataPathPort: 4789,
  host: H1,
} as const;

export const app: NodeNetwork = {
  ...BASE,
  id: "app",
  name: "app",
  subnet: "10.0.1.0/24",
  vni: 4097,
  address: "10.0.1.3",
  peers: [{ nodeId: "n2", host: H2, address: "10.0.1.4" }],
};

export const vault: NodeNetwork = {
  ...BASE,
  id: "vault",
  name: "vault",
  subnet: "10.0.2.0/24",
  vni: 4098,
  address: "10.0.2.3",
  internal: true,
  peers: [],
};

export const mesh: NodeNetwork = {
  ...BASE,
  id: "mesh",
  name: "ingress",
  subnet: "10.0.0.0/24",
  vni: 4096,
  address: "10.0.0.3",
  ingress: true,
  peers: [{ nodeId: "n2", host: H2, address: "10.0.0.4" }],
};

export const endpoint = (
  taskId: string,
  host: string,
  addresses: Readonly<Record<string, string>>,
  serving = true,
): NodeEndpoint => ({ taskId, name: taskId, nodeId: host === H1 ? "n1" : "n2", host, addresses, serving });

export const service = (
  id: string,
  virtualIPs: Readonly<Record<string, string | undefined>>,
  endpoints: readonly NodeEndpoint[],
  ports: readonly MeshPort[] = [],
): NodeService => ({
  kind: "node-service",
  id,
  name: id,
  endpoints,
  ports,
  networks: Object.entries(virtualIPs).map(([networkId, virtualIP]) => ({
    networkId,
    aliases: [],
    ...(virtualIP === undefined ? {} : { virtualIP }),
  })),
});

/** Two tasks, one on each host, on the mesh and on `app`. */
export const webEndpoints: readonly NodeEndpoint[] = [
  endpoint("web.1", H1, { mesh: "10.0.0.11", app: "10.0.1.11" }),
  endpoint("web.2", H2, { mesh: "10.0.0.12", app: "10.0.1.12" }),
];

export const webPorts: readonly MeshPort[] = [{ protocol: "tcp", published: 8080, target: 80 }];

export const web = service("web", { mesh: "10.0.0.2", app: "10.0.1.2" }, webEndpoints, webPorts);
