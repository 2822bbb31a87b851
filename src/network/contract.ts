import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { NodeNetwork, NodeService } from "#model/node-network.ts";
import type { DataPlane } from "./data-plane.ts";

/** A data plane with the host under it. It runs. */
export interface DataPlaneUnderTest extends AsyncDisposable {
  readonly plane: DataPlane;
  /** As the engine does. */
  addBridge(network: NodeNetwork): Promise<void>;
  /** VXLAN network identifiers of the tunnels that the host has. */
  tunnels(): Promise<readonly number[]>;
  /** Where new connections to a virtual address of a network lead. */
  targetsOf(network: NodeNetwork, virtualIP: string): Promise<readonly string[]>;
}

/** How long anything may take, on a machine that does much else. */
const PATIENCE_MS = 20_000;

const app: NodeNetwork = {
  kind: "node-network",
  id: "app",
  name: "app",
  internal: false,
  ingress: false,
  attachable: false,
  subnet: "10.0.1.0/24",
  vni: 4097,
  mtu: 1450,
  dataPathPort: 4789,
  address: "10.0.1.3",
  host: "10.77.0.1",
  peers: [{ nodeId: "n2", host: "10.77.0.2", address: "10.0.1.4" }],
};
const web: NodeService = {
  kind: "node-service",
  id: "web",
  name: "web",
  ports: [],
  networks: [{ networkId: "app", virtualIP: "10.0.1.2", aliases: [] }],
  endpoints: [["t1", "n1", "10.77.0.1", "10.0.1.11"] as const, ["t2", "n2", "10.77.0.2", "10.0.1.12"] as const].map(
    ([taskId, nodeId, host, address]) => ({
      taskId,
      name: taskId,
      nodeId,
      host,
      serving: true,
      addresses: { app: address },
    }),
  ),
};

/** What any data plane must do: the same assertions for the real one and for the fake. */
export function dataPlaneContract(
  name: string,
  open: () => Promise<DataPlaneUnderTest>,
  options: { readonly skip?: string } = {},
): void {
  describe(`data plane contract: ${name}`, options, () => {
    let subject: DataPlaneUnderTest;
    beforeEach(async () => {
      subject = await open();
    });
    afterEach(async () => subject[Symbol.asyncDispose]());
    const check = (what: string, assertion: (signal: AbortSignal) => Promise<void>): void => {
      test(what, () => assertion(AbortSignal.timeout(PATIENCE_MS)));
    };

    check("what was said is in force when it has settled", async (signal) => {
      await subject.addBridge(app);
      subject.plane.reset([app, web]);
      await subject.plane.ready("app", signal);
      assert.deepEqual(await subject.tunnels(), [4097]);
      assert.deepEqual(await subject.targetsOf(app, "10.0.1.2"), ["10.0.1.11", "10.0.1.12"]);
    });

    check("an endpoint that serves no more gets nothing once that has settled", async (signal) => {
      await subject.addBridge(app);
      subject.plane.reset([app, web]);
      await subject.plane.ready("app", signal);
      const endpoints = web.endpoints.map((endpoint) => ({ ...endpoint, serving: endpoint.taskId === "t2" }));
      subject.plane.change([{ type: "update", object: { ...web, endpoints } }]);
      await subject.plane.settled(signal);
      assert.deepEqual(await subject.targetsOf(app, "10.0.1.2"), ["10.0.1.12"]);
    });

    check("a service can be told before its network, and the network before its bridge", async (signal) => {
      subject.plane.change([{ type: "update", object: web }]);
      subject.plane.change([{ type: "update", object: app }]);
      await subject.plane.settled(signal);
      assert.deepEqual(await subject.tunnels(), []);
      const ready = subject.plane.ready("app", signal);
      await subject.addBridge(app);
      await ready;
      assert.deepEqual(await subject.tunnels(), [4097]);
      assert.deepEqual(await subject.targetsOf(app, "10.0.1.2"), ["10.0.1.11", "10.0.1.12"]);
    });

    check("what is said no more is gone once that has settled", async (signal) => {
      await subject.addBridge(app);
      subject.plane.reset([app, web]);
      await subject.plane.ready("app", signal);
      subject.plane.change([{ type: "remove", kind: "node-service", id: "web" }]);
      await subject.plane.settled(signal);
      assert.deepEqual(await subject.targetsOf(app, "10.0.1.2"), []);
      subject.plane.reset([]);
      await subject.plane.settled(signal);
      assert.deepEqual(await subject.tunnels(), []);
    });

    check("waiting ends with its signal", async (signal) => {
      subject.plane.reset([app]);
      await subject.plane.settled(signal);
      const stop = new AbortController();
      const ready = subject.plane.ready("app", stop.signal);
      stop.abort(new Error("enough"));
      await assert.rejects(ready, /enough/);
    });

    check("a network without trouble has no problem", async (signal) => {
      await subject.addBridge(app);
      subject.plane.reset([app]);
      await subject.plane.ready("app", signal);
      assert.equal(subject.plane.problem("app"), undefined);
    });
  });
}
