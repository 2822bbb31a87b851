import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { ManualClock } from "#base/manual-clock.ts";
import { dataPlaneContract } from "./contract.ts";
import { FakeDataPlane } from "./fake-data-plane.ts";
import { bridgeName } from "./names.ts";

dataPlaneContract("fake", async () => {
  const bridges = new Set<string>();
  const stop = new AbortController();
  const plane = new FakeDataPlane({ clock: systemClock, bridges });
  const running = plane.run(stop.signal).catch(() => undefined);
  const vniOf = (id: string) =>
    plane.objects.flatMap((object) => (object.kind === "node-network" && object.id === id ? object.vni : []));
  return {
    plane,
    addBridge: async ({ vni }) => void bridges.add(bridgeName(vni)),
    tunnels: async () => plane.tunnels.flatMap(vniOf),
    targetsOf: async (_network, virtualIP) => plane.virtualIPs.get(virtualIP) ?? [],
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the test is over"));
      await running;
    },
  };
});

test("a slow fake puts in force what it was told after its delay; one that fails, nothing", async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  const plane = new FakeDataPlane({ clock, bridges: new Set() });
  const running = plane.run(stop.signal).catch(() => undefined);
  const service = { kind: "node-service", id: "s", name: "s", networks: [], ports: [], endpoints: [] } as const;
  plane.delayMs = 100;
  plane.reset([service]);
  await clock.settle();
  await clock.advance(99);
  assert.deepEqual(plane.objects, []);
  await clock.advance(1);
  assert.deepEqual(plane.objects, [service]);
  plane.failure = "no kernel";
  plane.reset([]);
  await clock.settle();
  await clock.advance(100);
  assert.deepEqual(plane.objects, [service]);
  assert.equal(plane.problem("any"), "no kernel");
  stop.abort(new Error("the test is over"));
  await running;
});
