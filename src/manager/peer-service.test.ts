import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeRole } from "#model/spec.ts";
import { createPeerService } from "./peer-service.ts";
import { aNode, openFixture } from "./testing/fixture.ts";

const JOINED = { dataKey: "", members: [], memberId: "1" };
const node = (id: string, wanted: NodeRole, role: NodeRole) =>
  aNode({ id, role, spec: { Labels: {}, Role: wanted, Availability: "active" } });

for (const { name, id, may } of [
  { name: "a manager", id: "manager", may: true },
  { name: "a manager that is being demoted", id: "demoted", may: false },
  { name: "a worker that was a manager", id: "worker", may: false },
  { name: "a node that is gone", id: "gone", may: false },
]) {
  test(`${name} is ${may ? "served" : "refused"}, whatever its certificate says`, async () => {
    await using fixture = await openFixture();
    await fixture.seed(
      node("manager", "manager", "manager"),
      node("demoted", "worker", "manager"),
      node("worker", "worker", "worker"),
    );
    const calls: string[] = [];
    const peers = createPeerService({
      view: fixture.state.view,
      membership: {
        async add(nodeId, peerUrl) {
          calls.push(`add ${nodeId} ${peerUrl}`);
          return JOINED;
        },
        async promote(nodeId) {
          calls.push(`promote ${nodeId}`);
        },
      },
      logs: {
        async *relayLogs() {
          yield { type: "came", nodeIds: ["n1"] };
        },
      },
    });
    const caller = { nodeId: id, role: "manager", addr: "10.0.0.1" } as const;
    const attempts = [
      () => peers.joinStore(caller, { peerUrl: "https://a:2378" }, fixture.signal),
      () => peers.memberReady(caller, fixture.signal),
      () => Array.fromAsync(peers.relayLogs(caller, (async function* () {})(), fixture.signal)),
    ];
    for (const attempt of attempts) {
      if (may) await attempt();
      else await assert.rejects(attempt, { code: "forbidden" });
    }
    assert.deepEqual(calls, may ? [`add ${id} https://a:2378`, `promote ${id}`] : []);
  });
}
