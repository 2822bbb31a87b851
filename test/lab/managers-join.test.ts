import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join as joinPath } from "node:path";
import { test } from "node:test";
import { docker, eventually, openCluster, say, scene } from "./cluster.ts";
import { configs, containers, join, untilNodes, Writer } from "./managers.ts";

test("managers join a swarm that works, and each of them answers", scene, async (t) => {
  await using cluster = await openCluster({ name: "mjoin", hosts: 4, formed: false });
  const { lab, manager: first } = cluster;
  const [, second, third, worker] = lab.hosts;
  assert.ok(second && third && worker);
  const managers = [first, second, third];
  await say(first, "swarm", "init", "--advertise-addr", first.address);
  await join(worker, first, "worker");
  await say(first, "service", "create", "--quiet", "--name", "web", "--replicas", "4", "flotilla/demo:1");
  const before = await containers(lab.hosts, "web");
  assert.equal(before.length, 4);

  await t.test("the store moves to etcd while a client writes, and nothing is lost", async () => {
    await using writer = new Writer(first, "w");
    await eventually("the client writes", () => writer.written.length > 3);
    for (const host of [second, third]) {
      const token = await say(first, "swarm", "join-token", "--quiet", "manager");
      assert.match(
        await say(host, "swarm", "join", "--token", token, `${first.address}:2377`),
        /joined a swarm as a manager/,
      );
    }
    const soFar = writer.written.length;
    await eventually("the client goes on writing", () => writer.written.length > soFar + 3);
    await writer.finish();
    t.diagnostic(`${writer.written.length} writes, the slowest took ${writer.slowestMs} ms`);
    assert.deepEqual(writer.refused, []);
    for (const host of managers) {
      const there = await configs(host);
      assert.deepEqual(
        writer.written.filter((name) => !there.has(name)),
        [],
        `on ${host.name}`,
      );
    }
    assert.equal(existsSync(joinPath(first.data, "flotilla", "store.db")), false);
    assert.deepEqual(await containers(lab.hosts, "web"), before, "no task was touched");
  });

  await t.test("all managers are shown", async () => {
    for (const host of managers) {
      await untilNodes(host, ["h1 Ready Leader", "h2 Ready Reachable", "h3 Ready Reachable", "h4 Ready"]);
    }
    assert.match((await docker(worker, "node", "ls")).stderr, /Worker nodes can't be used/);
  });

  await t.test("every manager reads and writes the same", async () => {
    for (const [index, host] of managers.entries()) {
      await say(host, "service", "scale", "--detach", `web=${5 + index}`);
      for (const other of managers) {
        const seen = () => say(other, "service", "inspect", "--format", "{{.Spec.Mode.Replicated.Replicas}}", "web");
        await eventually(`${other.name} has heard of it`, async () => (await seen()) === `${5 + index}`);
      }
    }
    await say(third, "service", "update", "--quiet", "--env-add", "A=1", "web");
    for (const argv of [
      ["service", "ls"],
      ["swarm", "join-token", "--quiet", "manager"],
      ["swarm", "ca"],
      ["config", "ls", "--quiet"],
    ]) {
      const answers = await Promise.all(managers.map((host) => say(host, ...argv)));
      assert.equal(new Set(answers).size, 1, argv.join(" "));
    }
  });

  await t.test("logs come together from the nodes of all managers", async () => {
    const tasks = await say(first, "service", "ps", "--filter", "desired-state=running", "--quiet", "web");
    for (const host of managers) {
      const lines = await eventually(`${host.name} has all logs`, async () => {
        const text = await say(host, "service", "logs", "--raw", "--details", "web");
        return text !== "" && text;
      });
      t.diagnostic(`${host.name}: ${lines.split("\n").length} lines of ${tasks.split("\n").length} tasks`);
    }
  });
});
