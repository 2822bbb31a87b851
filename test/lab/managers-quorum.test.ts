import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { docker, eventually, openCluster, say, scene, signal } from "./cluster.ts";
import { containers, formManagers, nodes, untilNodes } from "./managers.ts";

test("most managers are lost, and one goes on alone", scene, async (t) => {
  await using cluster = await openCluster({ name: "mquorum", hosts: 4, formed: false });
  const { hosts } = cluster.lab;
  const [first, second, third, worker] = hosts;
  assert.ok(first && second && third && worker);
  await formManagers([first, second, third], [worker]);
  await say(second, "service", "create", "--quiet", "--name", "web", "--mode", "global", "flotilla/demo:1");
  const left = [second, worker];
  const before = await containers(left, "web");
  assert.equal(before.length, 2);

  await t.test("reads still answer and say that they may be old; writes fail soon and say what to do", async () => {
    await Promise.all([first.powerOff(signal), third.powerOff(signal)]);
    const write = () => docker(second, "service", "create", "--detach", "--name", "more", "flotilla/demo:1");
    await eventually("writes fail", async () => /does not have a leader/.test((await write()).stderr));
    const startedAt = systemClock.now();
    const { code, stderr } = await write();
    t.diagnostic(`a write failed after ${systemClock.now() - startedAt} ms`);
    assert.notEqual(code, 0);
    assert.match(stderr, /The swarm does not have a leader.*docker swarm init --force-new-cluster/);
    assert.equal(await say(second, "service", "ls", "--format", "{{.Name}}"), "web");
    assert.match(await say(second, "info", "--format", "{{.Swarm.Error}}"), /does not have a leader/);
    assert.ok(!(await nodes(second)).some((line) => line.endsWith("Leader")));
    assert.deepEqual(await containers(left, "web"), before, "what runs goes on");
  });

  await t.test("one of them is told to go on alone", async () => {
    assert.match(await say(second, "swarm", "init", "--force-new-cluster"), /is now a manager/);
    await eventually("it leads", async () => (await nodes(second)).includes("h2 Ready Leader"));
    await say(second, "service", "create", "--quiet", "--detach", "--name", "more", "flotilla/demo:1");
    await eventually("it works", async () => (await say(second, "service", "ps", "more")).includes("Running"));
    await untilNodes(second, ["h1 Down", "h2 Ready Leader", "h3 Down", "h4 Ready"]);
    assert.deepEqual(await containers(left, "web"), before, "tasks were taken over, not started again");
  });

  await t.test("what was a manager comes back as a worker", async () => {
    await Promise.all([first.powerOn(signal), third.powerOn(signal)]);
    await untilNodes(second, ["h1 Ready", "h2 Ready Leader", "h3 Ready", "h4 Ready"]);
    await eventually("it knows", async () => /Worker nodes can't/.test((await docker(first, "node", "ls")).stderr));
    await say(second, "node", "promote", "h1");
    await untilNodes(second, ["h1 Ready Reachable", "h2 Ready Leader", "h3 Ready", "h4 Ready"]);
    await untilNodes(first, ["h1 Ready Reachable", "h2 Ready Leader", "h3 Ready", "h4 Ready"]);
  });
});
