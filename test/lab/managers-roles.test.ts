import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join as joinPath } from "node:path";
import { test } from "node:test";
import type { LabHost } from "#lab/host.ts";
import { docker, eventually, openCluster, say, scene } from "./cluster.ts";
import { containers, formManagers, isManaging, join, leaderOf, nodes, untilNodes } from "./managers.ts";

const hasStore = (host: LabHost): boolean => existsSync(joinPath(host.data, "flotilla", "etcd"));

test("nodes are promoted and demoted, and managers leave", scene, async (t) => {
  await using cluster = await openCluster({ name: "mroles", hosts: 4, formed: false });
  const { hosts } = cluster.lab;
  const [first, second, third, fourth] = hosts;
  assert.ok(first && second && third && fourth);
  await formManagers([first], [second, third, fourth]);
  await say(first, "service", "create", "--quiet", "--name", "web", "--mode", "global", "flotilla/demo:1");
  const before = await containers(hosts, "web");

  await t.test("workers become managers", async () => {
    await say(first, "node", "promote", "h2", "h3");
    const expected = ["h1 Ready Leader", "h2 Ready Reachable", "h3 Ready Reachable", "h4 Ready"];
    for (const host of [first, second, third]) await untilNodes(host, expected);
    assert.ok(hasStore(third));
  });

  await t.test("a manager becomes a worker, and keeps nothing of the cluster's state", async () => {
    await say(first, "node", "demote", "h3");
    await untilNodes(first, ["h1 Ready Leader", "h2 Ready Reachable", "h3 Ready", "h4 Ready"]);
    await eventually("it knows", async () => /Worker nodes can't/.test((await docker(third, "node", "ls")).stderr));
    await eventually("its store is gone", () => !hasStore(third));
    await say(first, "node", "promote", "h3");
    await untilNodes(third, ["h1 Ready Leader", "h2 Ready Reachable", "h3 Ready Reachable", "h4 Ready"]);
  });

  await t.test("the leader itself becomes a worker", async () => {
    const leader = await leaderOf(hosts, first);
    const other = leader === first ? second : first;
    await say(leader, "node", "demote", leader.name);
    await eventually("another leads", async () => (await leaderOf(hosts, other)) !== leader);
    await eventually("it is a worker", async () => (await nodes(other)).includes(`${leader.name} Ready`));
    await say(other, "node", "promote", leader.name);
    await eventually("it is back", async () => isManaging(await nodes(leader), leader.name));
  });

  await t.test("a manager that leaves says what that means, and does not block the others", async () => {
    const leader = await leaderOf(hosts, first);
    const leaving = leader === second ? third : second;
    assert.match((await docker(leaving, "swarm", "leave")).stderr, /participating as a manager.*Use `--force`/);
    await say(leaving, "swarm", "leave", "--force");
    assert.equal(await say(leaving, "info", "--format", "{{.Swarm.LocalNodeState}}"), "inactive");
    await eventually("its node is down", async () =>
      (await nodes(leader)).some((line) => line.startsWith(`${leaving.name} Down`)),
    );
    await say(leader, "node", "demote", leaving.name);
    await eventually("it can be removed", async () => say(leader, "node", "rm", leaving.name));
    await join(leaving, leader, "manager");
    await eventually("it is back", async () => isManaging(await nodes(leader), leaving.name));
  });

  await t.test("the last manager stays one", async () => {
    const leader = await leaderOf(hosts, first);
    for (const host of [first, second, third].filter((each) => each !== leader)) {
      await eventually(`${host.name} is demoted`, async () => say(leader, "node", "demote", host.name));
      await eventually("it is a worker", async () => (await nodes(leader)).includes(`${host.name} Ready`));
    }
    assert.match((await docker(leader, "node", "demote", leader.name)).stderr, /last manager/);
    await say(leader, "service", "update", "--quiet", "--label-add", "a=b", "web");
    const now = new Set(await containers(hosts, "web"));
    assert.ok(before.filter((container) => now.has(container)).length >= 3, "tasks went on");
  });
});
