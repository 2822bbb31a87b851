import assert from "node:assert/strict";
import { test } from "node:test";
import { aCluster, aNode } from "./test-cluster.ts";
import { startTestApi } from "./test-server.ts";

const member = (leader: boolean, number: number) =>
  ({ leader, reachability: "reachable", addr: `10.0.0.${number}:2377` }) as const;
const PROBLEM = 'The swarm does not have a leader. Run "docker swarm init --force-new-cluster".';

/** A manager that has lost the others. */
async function startLost() {
  const api = await startTestApi([
    aCluster(),
    aNode("node1", "h1", { manager: member(false, 1) }),
    aNode("node2", "h2", { manager: member(true, 2) }),
    aNode("node3", "h3"),
  ]);
  api.control.problem = PROBLEM;
  api.engine.on("GET /info", (_request, response) => response.end("{}"));
  return api;
}

test("reads are answered, and say that they may be stale", async () => {
  await using api = await startLost();
  const lost = await api.get("/services");
  assert.equal(lost.status, 200);
  assert.equal(lost.headers["warning"], `110 flotilla ${JSON.stringify(PROBLEM)}`);
  api.control.problem = undefined;
  assert.equal((await api.get("/services")).headers["warning"], undefined);
});

test("nobody is said to lead, and only this manager to be there", async () => {
  await using api = await startLost();
  type Shown = { readonly ManagerStatus?: { readonly Leader?: boolean; readonly Reachability: string } };
  const shown = async () => {
    const { json } = await api.get("/nodes");
    return (json as Shown[]).map(({ ManagerStatus: status }) => status && [status.Leader, status.Reachability]);
  };
  assert.deepEqual(await shown(), [[undefined, "reachable"], [undefined, "unknown"], undefined]);
  const { json } = await api.get("/nodes/h2");
  assert.equal((json as Shown).ManagerStatus?.Reachability, "unknown");
  api.control.problem = undefined;
  assert.deepEqual(await shown(), [[undefined, "reachable"], [true, "reachable"], undefined]);
});

test("info shows what is wrong, and still the cluster", async () => {
  await using api = await startLost();
  const { json } = await api.get("/info");
  const { Swarm } = json as { Swarm: Record<string, unknown> };
  assert.deepEqual([Swarm["Error"], Swarm["ControlAvailable"], Swarm["Nodes"]], [PROBLEM, true, 3]);
});
