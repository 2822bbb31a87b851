import type { TestApi } from "#api/test-server.ts";
import { NETWORK_LABEL } from "#engine/container-body.ts";
import type { NodeNetwork, NodeService } from "#model/node-network.ts";

/** For tests: networks of an engine, with the bridges that stand for networks of the cluster among them. */

export const longId = (id: string): string => id.padEnd(25, "0");
export const APP = longId("app1");

export const BRIDGE = {
  Name: "bridge",
  Id: "6d44",
  Created: "2026-01-01T00:00:00Z",
  Scope: "local",
  Driver: "bridge",
  Labels: {},
};

/** A network that a user of the host made. */
export const LOCAL = { ...BRIDGE, Name: "plain", Id: "aaa1", Labels: { own: "yes" } };

/** What stands for the network `app` of the cluster. */
export const APP_BRIDGE = {
  ...BRIDGE,
  Name: "app",
  Id: "beef",
  Labels: { [NETWORK_LABEL]: APP },
  IPAM: { Driver: "default", Config: [{ Subnet: "10.0.1.0/24", Gateway: "10.0.1.6" }] },
};

export const CONTAINERS = { c1: { Name: "web.1.x", EndpointID: "e1", IPv4Address: "10.0.1.3/24" } };

/** Lets the engine have these networks. Filters but that for our label keep everything. */
export function serveNetworks(api: TestApi, networks: readonly (typeof BRIDGE)[]): void {
  api.engine.on("GET /networks", (request, response) => {
    const filters = new URL(request.url ?? "", "http://engine").searchParams.get("filters") ?? "";
    const label = filters.includes(NETWORK_LABEL);
    response.end(JSON.stringify(networks.filter(({ Labels }) => !label || NETWORK_LABEL in Labels)));
  });
  for (const network of networks) {
    const containers = network.Id === APP_BRIDGE.Id ? CONTAINERS : {};
    api.engine.on(`GET /networks/${network.Id}`, (_request, response) =>
      response.end(JSON.stringify({ ...network, Containers: containers })),
    );
  }
}

/** Lets the engine answer a call with a status, and remembers the bodies that it got. */
export function serveCall(api: TestApi, route: string, status: number, answer?: unknown): unknown[] {
  const bodies: unknown[] = [];
  api.engine.on(route, (request, response) => {
    let text = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      text += chunk;
    });
    request.on("end", () => {
      bodies.push(text === "" ? undefined : JSON.parse(text));
      response.writeHead(status).end(answer === undefined ? "" : JSON.stringify(answer));
    });
  });
  return bodies;
}

export const NODE = longId("node1");

/** What managers tell a node that is on `app`. */
export const NODE_NETWORK: NodeNetwork = {
  kind: "node-network",
  id: APP,
  name: "app",
  internal: true,
  ingress: false,
  attachable: true,
  subnet: "10.0.1.0/24",
  vni: 4097,
  mtu: 1450,
  dataPathPort: 4789,
  address: "10.0.1.6",
  host: "10.77.0.1",
  peers: [{ nodeId: longId("node2abcdefghij"), host: "10.77.0.2", address: "10.0.1.5" }],
};

export const NODE_SERVICE: NodeService = {
  kind: "node-service",
  id: longId("web1"),
  name: "web",
  networks: [{ networkId: APP, virtualIP: "10.0.1.2", aliases: [] }],
  ports: [{ protocol: "tcp", published: 8080, target: 80 }],
  endpoints: [
    {
      taskId: "t1",
      name: "web.1.t1",
      nodeId: NODE,
      host: "10.77.0.1",
      addresses: { [APP]: "10.0.1.3" },
      serving: true,
    },
    {
      taskId: "t2",
      name: "web.2.t2",
      nodeId: NODE,
      host: "10.77.0.1",
      addresses: { [APP]: "10.0.1.4" },
      serving: false,
    },
  ],
};

/** A container of this node that no service made. */
export const ATTACHMENT: NodeService = {
  kind: "node-service",
  id: "t9",
  name: "shell",
  networks: [{ networkId: APP, aliases: [] }],
  ports: [],
  endpoints: [
    { taskId: "t9", name: "shell", nodeId: NODE, host: "10.77.0.1", addresses: { [APP]: "10.0.1.9" }, serving: true },
  ],
};
