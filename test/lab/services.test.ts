import assert from "node:assert/strict";
import { test } from "node:test";
import type { LabHost } from "#lab/host.ts";
import { docker, eventually, openCluster, say, scene, signal } from "./cluster.ts";
import {
  containerCount,
  labelZones,
  perNode,
  refusal,
  runningRows,
  taskRows,
  untilError,
  untilRunning,
  updateStatus,
} from "./task-rows.ts";

test("a service is created, scaled, updated and rolled back", scene, async (t) => {
  await using cluster = await openCluster({ name: "svca", hosts: 3 });
  const { manager } = cluster;
  await labelZones(cluster);

  await t.test("six replicas in one zone", async () => {
    const constraint = ["--constraint", "node.labels.zone==a", "--update-monitor", "1s"];
    await say(
      manager,
      "service",
      "create",
      "--quiet",
      "--name",
      "web",
      "--replicas",
      "6",
      ...constraint,
      "flotilla/demo:1",
    );
    assert.equal(perNode(await runningRows(manager, "web")), "h1: 3, h3: 3");
    assert.equal(
      await say(manager, "service", "ls", "--format", "{{.Name}} {{.Mode}} {{.Replicas}}"),
      "web replicated 6/6",
    );
    const pretty = await say(manager, "service", "inspect", "--pretty", "web");
    assert.match(pretty, /Service Mode:\s+Replicated\n Replicas:\s+6\n/);
    assert.match(pretty, /Constraints:\s+\[node\.labels\.zone==a\]/);
  });

  await t.test("scaling down spares the lowest slots of each node, and leaves no container behind", async () => {
    await say(manager, "service", "scale", "web=2");
    const rows = await untilRunning(manager, "web", 2);
    assert.equal(perNode(rows), "h1: 1, h3: 1");
    await eventually("two containers are left", async () => (await containerCount(cluster, "web")) === 2);
  });

  await t.test("an update with parallelism 2 replaces every task, and keeps the old ones in the history", async () => {
    await say(manager, "service", "scale", "web=4");
    const options = ["--update-parallelism", "2", "--update-monitor", "1s", "--image", "flotilla/demo:2"];
    await say(manager, "service", "update", "--quiet", ...options, "web");
    const rows = await taskRows(manager, "web");
    for (const slot of [1, 2, 3, 4]) {
      const history = rows.filter((row) => row.Name === `web.${slot}`).map((row) => `${row.Image} ${row.DesiredState}`);
      assert.deepEqual(history, ["flotilla/demo:2 Running", "flotilla/demo:1 Shutdown"]);
    }
    await eventually("the update is completed", async () => (await updateStatus(manager, "web")).State === "completed");
  });

  await t.test("an image that nobody has is named in the ERROR column, and rolled back", async () => {
    const { code, stdout, stderr } = await docker(
      manager,
      "service",
      "update",
      "--update-failure-action",
      "rollback",
      "--image",
      "nothere:1",
      "web",
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /rollback: update rolled back due to failure or early termination of task [0-9a-z]{25}/);
    assert.match((await untilError(manager, "web", "No such image: nothere:1")).CurrentState, /^Rejected/);
    const rows = await untilRunning(manager, "web", 4);
    assert.deepEqual([...new Set(rows.map((row) => row.Image))], ["flotilla/demo:2"]);
    assert.equal((await updateStatus(manager, "web")).State, "rollback_completed");
  });

  await t.test("a failing update pauses, says which task, and fails the command", async () => {
    const broken = ["--image", "nothere:2", "--update-failure-action", "pause"];
    const complaint = await refusal(manager, "service", "update", "--quiet", ...broken, "web");
    assert.match(complaint, /service update paused: update paused due to failure or early termination of task /);
    assert.equal((await updateStatus(manager, "web")).State, "paused");
    assert.equal((await runningRows(manager, "web")).length, 2, "the tasks that were not reached go on");
  });

  await t.test("a rollback by hand brings back what ran", async () => {
    await say(manager, "service", "rollback", "--quiet", "web");
    const rows = await untilRunning(manager, "web", 4);
    assert.deepEqual([...new Set(rows.map((row) => row.Image))], ["flotilla/demo:2"]);
    await eventually(
      "it is completed",
      async () => (await updateStatus(manager, "web")).State === "rollback_completed",
    );
  });

  await t.test("start-first never has fewer tasks than replicas", async () => {
    const counts: number[] = [];
    const updating = say(
      manager,
      "service",
      "update",
      "--quiet",
      "--update-order",
      "start-first",
      "--update-parallelism",
      "1",
      "--image",
      "flotilla/demo:1",
      "web",
    );
    let done = false;
    const watching = (async () => {
      while (!done) counts.push(await runningContainers(cluster.lab.hosts, "web"));
    })();
    await updating.finally(() => {
      done = true;
    });
    await watching;
    assert.ok(Math.min(...counts) >= 4, `running containers while updating: ${counts.join(" ")}`);
    assert.deepEqual([...new Set((await runningRows(manager, "web")).map((row) => row.Image))], ["flotilla/demo:1"]);
  });

  await t.test("fifty replicas, none, and three again", async () => {
    await say(manager, "service", "scale", "--detach", "web=50");
    const rows = await eventually(
      "50 tasks run",
      async () => {
        const running = await runningRows(manager, "web");
        return running.length === 50 && running;
      },
      120_000,
    );
    assert.equal(perNode(rows), "h1: 25, h3: 25");
    await say(manager, "service", "scale", "web=0");
    await eventually("nothing is left", async () => (await containerCount(cluster, "web")) === 0, 30_000);
    assert.deepEqual(await taskRows(manager, "web"), []);
    await say(manager, "service", "scale", "web=3");
    assert.equal((await runningRows(manager, "web")).length, 3);
  });

  await t.test("a service that is removed in the middle of its update is gone altogether", async () => {
    await say(manager, "service", "update", "--detach", "--image", "flotilla/demo:2", "--update-delay", "1m", "web");
    await say(manager, "service", "rm", "web");
    assert.equal(await say(manager, "service", "ls", "--quiet"), "");
    await eventually("its containers are gone", async () => (await containerCount(cluster, "web")) === 0);
    assert.match(await refusal(manager, "service", "ps", "web"), /no such service: web/);
  });
});

async function runningContainers(hosts: readonly LabHost[], service: string): Promise<number> {
  const argv = ["ps", "--quiet", "--filter", `label=com.docker.swarm.service.name=${service}`];
  const lists = await Promise.all(hosts.map((host) => host.docker(argv, signal)));
  return lists.flatMap((list) => list.split("\n")).filter((id) => id !== "").length;
}
