import assert from "node:assert/strict";
import { test } from "node:test";
import { openTwoHosts, sendJson } from "./test-two-hosts.ts";

const info = (containers: number) => ({
  Name: "h1",
  Containers: containers,
  ContainersRunning: 1,
  ContainersPaused: 0,
  ContainersStopped: containers - 1,
  Images: 3,
  NCPU: 2,
  MemTotal: 100,
});

test("the information of a cluster adds its hosts up, and shows each", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  api.engine.on("GET /info", (_request, response) => sendJson(response, info(2)));
  far.on("GET /info", (_request, response) => sendJson(response, { ...info(5), Name: "h2" }));
  const ask = async () => (await api.get("/v1.45/info")).json as Record<string, unknown>;
  const { Name, Containers, ContainersStopped, NCPU, SystemStatus } = await ask();
  assert.deepEqual([Name, Containers, ContainersStopped, NCPU], ["h1", 7, 5, 4]);
  const rows = SystemStatus as readonly (readonly string[])[];
  assert.deepEqual(rows.slice(0, 4), [
    ["Strategy", "spread"],
    ["Filters", "health, port, containerslots, dependency, affinity, constraint, whitelist"],
    ["Nodes", "2"],
    [" h1", "10.0.0.2"],
  ]);
  assert.deepEqual(
    rows.filter(([key]) => key === "  └ Containers").map(([, value]) => value),
    ["2 (1 Running, 0 Paused, 1 Stopped)", "5 (1 Running, 0 Paused, 4 Stopped)"],
  );
  hosts.lose();
  await far.stop();
  const lost = await ask();
  assert.equal(lost["Containers"], 2);
  const states = (lost["SystemStatus"] as typeof rows)
    .filter(([key]) => key === "  └ Status")
    .map(([, value]) => value);
  assert.deepEqual(states, ["Healthy", "Unhealthy"]);
});
