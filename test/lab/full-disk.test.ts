import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { untilServing } from "#lab/serving.ts";
import { docker, eventually, openCluster, say, scene, signal } from "./cluster.ts";

test("a manager without room on its disk says so, and goes on when there is room", scene, async (t) => {
  await using cluster = await openCluster({ name: "disk", hosts: 1, formed: false });
  const { manager } = cluster;
  const root = join(manager.data, "flotilla");
  await manager.daemon.stop(signal);
  mkdirSync(root, { recursive: true });
  await manager.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs", root], signal);
  await manager.startDaemon(["-l", "debug"], signal);
  await say(manager, "swarm", "init");
  await say(manager, "service", "create", "--quiet", "--name", "web", "flotilla/demo:1");

  await manager.run(["sh", "-c", `cat /dev/zero > ${root}/filler || true`], signal);
  const file = join(manager.data, "large");
  await manager.run(["sh", "-c", `head -c 900000 /dev/urandom > ${file}`], signal);
  const refused = await eventually("a write is refused", async () => {
    const name = `c${systemClock.now()}`;
    const { code, stderr } = await docker(manager, "config", "create", name, file);
    return code !== 0 && stderr;
  });
  t.diagnostic(refused.trim());
  assert.match(refused, /disk|space|full/i);
  assert.equal((await docker(manager, "node", "ls")).code, 0, "reading goes on");
  assert.notEqual(await say(manager, "ps", "--quiet"), "", "what runs goes on");

  await manager.run(["rm", `${root}/filler`], signal);
  await eventually(
    "writing works again",
    async () => (await docker(manager, "config", "create", "after", file)).code === 0,
  );
  await manager.daemon.kill(signal);
  await manager.daemon.restart(signal);
  await untilServing(manager.daemon, manager.daemonSocket, signal);
  await eventually("all is there", async () => {
    assert.match(await say(manager, "config", "ls"), /after/);
    return (await say(manager, "service", "ps", "--format", "{{.CurrentState}}", "web")).startsWith("Running");
  });
  await manager.run(["umount", "--lazy", root], signal);
});

test("with live-restore, containers outlive their engine, and keep their tasks", scene, async () => {
  await using cluster = await openCluster({ name: "live", hosts: 1, engine: { "live-restore": true } });
  const { manager } = cluster;
  await say(manager, "service", "create", "--quiet", "--name", "web", "--replicas", "2", "flotilla/demo:1");
  const running = async () => (await manager.docker(["ps", "--quiet"], signal)).split("\n").toSorted();
  const tasks = () => say(manager, "service", "ps", "--format", "{{.ID}} {{.Error}}", "web");
  const before = [await running(), await tasks()];
  await manager.engine.stop(signal);
  await systemClock.sleep(1_000, signal);
  await manager.startEngine([], signal);
  await eventually("the node is ready", async () => (await say(manager, "node", "ls")).includes("Ready"));
  await systemClock.sleep(2_000, signal);
  assert.deepEqual([await running(), await tasks()], before);
});
