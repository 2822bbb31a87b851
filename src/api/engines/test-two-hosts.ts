import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { ACTIVE_MANAGER, aNode, type TestControl } from "#api/test-cluster.ts";
import { startTestEngine, type TestEngine } from "#api/test-engine.ts";
import { startTestApi, type TestApi } from "#api/test-server.ts";
import { FlotillaError } from "#base/errors.ts";
import { LEADERSHIP_ID, type Leadership } from "#model/objects.ts";

/** Of the containers that the two hosts have. */
export const ID = { web: "a".repeat(64), db: "b".repeat(64) };

export const sendJson = (response: ServerResponse, body: unknown, status = 200): void => {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
};

/** An engine with one running container, of an image with the digest `sha256:NAME`. */
function serveContainer(engine: TestEngine, id: string, name: string, created: number): void {
  const own = { Id: id, Names: [`/${name}`], ImageID: `sha256:${name}`, Labels: {} };
  const summary = { ...own, Created: created, State: "running", Status: "Up" };
  const Ports = [
    { IP: "0.0.0.0", PrivatePort: 80, PublicPort: 8080, Type: "tcp" },
    { IP: "::", PrivatePort: 80, PublicPort: 8080, Type: "tcp" },
  ];
  engine.on("GET /containers/json", (_request, response) => sendJson(response, [{ ...summary, Ports }]));
  engine.on("GET /events", (_request, response) => response.writeHead(200).flushHeaders());
  const inspected = { Id: id, Name: `/${name}`, HostConfig: {}, Config: {} };
  for (const reference of [id, name])
    engine.on(`GET /containers/${reference}/json`, (_request, response) => sendJson(response, inspected));
}

/** A manager on host h1, and another host of its cluster. */
export interface TwoHosts extends AsyncDisposable {
  readonly api: TestApi;
  /** The engine of h2. */
  readonly far: TestEngine;
  /** The names that a list of containers shows. */
  names(query?: string): Promise<readonly string[]>;
  readonly control: TestControl;
  readonly farId: string;
  /** Which services of nodes were connected to: id of the node, and target. */
  readonly reached: readonly (readonly [string, string])[];
  /** From now on h2 cannot be reached. */
  lose(): void;
  /** Ends the connections to h2, as a manager does with those of a lost node. */
  breakOff(): void;
}

export const aLeadership = (nodeId: string): Leadership => ({
  kind: "leadership",
  id: LEADERSHIP_ID,
  version: 1,
  createdAt: 0,
  updatedAt: 0,
  nodeId,
  since: 0,
});

/** The engine of h1 has `web`, that of h2 has `db`. */
export async function openTwoHosts(): Promise<TwoHosts> {
  const own = aNode(ACTIVE_MANAGER.nodeId, "h1");
  const other = aNode("n2", "h2");
  const api = await startTestApi([own, other]);
  const far = await startTestEngine();
  serveContainer(api.engine, ID.web, "web", 1_000);
  serveContainer(far, ID.db, "db", 2_000);
  let isLost = false;
  const open = new Set<Socket>();
  const reached: [string, string][] = [];
  api.membership.reach = async (nodeId, target) => {
    reached.push([nodeId, target]);
    if (isLost && nodeId === other.id) throw new FlotillaError("unavailable", "node h2 is down");
    const path = (nodeId === other.id ? far.url : api.engine.url).slice("unix://".length);
    const socket = connect({ path, allowHalfOpen: true });
    await once(socket, "connect");
    if (nodeId === other.id) open.add(socket);
    return socket;
  };
  const names = async (query = "") => {
    const { json } = await api.get(`/v1.45/containers/json${query}`);
    return (json as readonly { readonly Names: readonly string[] }[]).map(({ Names }) => Names.join(" "));
  };
  for (let tries = 0; (await names()).length < 2; tries++) {
    if (tries === 100) throw new Error("the engines are not followed");
    await setTimeout(20);
  }
  return {
    api,
    control: api.control,
    far,
    farId: other.id,
    reached,
    names,
    lose: () => void (isLost = true),
    breakOff() {
      for (const socket of open) {
        socket.destroy(new FlotillaError("unavailable", "the connection to node h2 was lost"));
      }
    },
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await far[Symbol.asyncDispose]();
    },
  };
}
