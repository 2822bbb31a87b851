import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, openCluster, say, scene, signal } from "./cluster.ts";
import { configs, containers, formManagers, join, nodes, restartManager, Writer } from "./managers.ts";

/** Of three managers that are all there, as `docker node ls` has them in the end; the leader may be any. */
const isWhole = (lines: readonly string[], count: number): boolean =>
  lines.filter((line) => /^h\d Ready (Reachable|Leader)$/.test(line)).length === count &&
  lines.filter((line) => line.endsWith(" Leader")).length === 1;

test("managers are replaced one after the other, as the handbook says", scene, async (t) => {
  await using cluster = await openCluster({ name: "replace", hosts: 4, formed: false });
  const { hosts } = cluster.lab;
  const [h1, h2, h3, h4] = hosts;
  assert.ok(h1 && h2 && h3 && h4);
  const managers = [h1, h2, h3];
  await formManagers(managers, []);
  await say(h1, "service", "create", "--quiet", "--name", "web", "--replicas", "6", "flotilla/demo:1");
  const before = await containers(managers, "web");

  await t.test("an upgrade: each daemon starts again, and clients of the others write all the time", async () => {
    for (const host of managers) {
      const other = managers.find((each) => each !== host) ?? h1;
      await using writer = new Writer(other, `while-${host.name}-`);
      await host.daemon.stop(signal);
      await restartManager(host);
      while (!isWhole(await nodes(other), managers.length)) signal.throwIfAborted();
      await writer.finish();
      t.diagnostic(`${host.name}: ${writer.written.length} writes, the slowest took ${writer.slowestMs} ms`);
      assert.deepEqual(writer.refused, []);
      const kept = await configs(host);
      assert.deepEqual(
        writer.written.filter((name) => !kept.has(name)),
        [],
      );
    }
    assert.deepEqual(await containers(managers, "web"), before, "no task was restarted");
  });

  await t.test("a host that is gone for good: demoted, removed, and another in its place", async () => {
    await h2.powerOff(signal);
    await eventually("it is known to be lost", async () => (await nodes(h3)).includes("h2 Down Unreachable"));
    await say(h3, "node", "demote", "h2");
    await say(h3, "node", "rm", "--force", "h2");
    await join(h4, h3, "manager");
    const left = [h1, h3, h4];
    const lines = await nodes(h4);
    assert.ok(isWhole(lines, left.length), lines.join());
    await say(h4, "config", "create", "after", "/etc/hostname");
    assert.ok((await configs(h1)).has("after"));
  });
});
