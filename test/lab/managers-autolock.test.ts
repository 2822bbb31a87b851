import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { execute } from "#lab/command.ts";
import type { LabHost } from "#lab/host.ts";
import { untilServing } from "#lab/serving.ts";
import { docker, eventually, openCluster, say, scene, signal } from "./cluster.ts";
import { containers, formManagers, join, nodes, untilAnswering, untilNodes } from "./managers.ts";

/** Within this time every etcd has been started again to trust a new root, and then some. */
const NEW_ROOT_MS = 20_000;

const SECRET = "correct-horse-battery-staple";

const localState = (host: LabHost): Promise<string> => say(host, "info", "--format", "{{.Swarm.LocalNodeState}}");

const unlock = async (host: LabHost, key: string): Promise<void> => {
  const argv = ["docker", "--host", `unix://${host.daemonSocket}`, "swarm", "unlock"];
  assert.deepEqual(await execute({ argv, input: `${key}\n` }, signal), { code: 0, stdout: "", stderr: "" });
};

/** Whether a file of the daemon, on its disk, holds the text. */
const isOnDisk = async (host: LabHost, text: string): Promise<boolean> =>
  (await execute({ argv: ["grep", "--recursive", "--quiet", "--text", "--", text, `${host.data}/flotilla`] }, signal))
    .code === 0;

test("several managers are locked and unlocked, and their certificates replaced", scene, async (t) => {
  await using cluster = await openCluster({ name: "mlock", hosts: 4, formed: false });
  const { hosts } = cluster.lab;
  const [first, second, third, fourth] = hosts;
  assert.ok(first && second && third && fourth);
  const managers = [first, second, third];
  await formManagers([first, second], []);
  const argv = ["docker", "--host", `unix://${second.daemonSocket}`, "secret", "create", "word", "-"];
  assert.equal((await execute({ argv, input: SECRET }, signal)).code, 0);
  await say(first, "service", "create", "--quiet", "--name", "web", "--replicas", "4", "flotilla/demo:1");

  await t.test("what the managers keep cannot be read, and is locked with one key", async () => {
    assert.match(await say(second, "swarm", "update", "--autolock=true"), /SWMKEY-1-/);
    await join(third, first, "manager");
    for (const host of managers) {
      assert.equal(await isOnDisk(host, SECRET), false, host.name);
      await eventually(`the key of ${host.name} is sealed`, async () => !(await isOnDisk(host, "BEGIN PRIVATE KEY")));
    }
    const keys = await Promise.all(managers.map((host) => say(host, "swarm", "unlock-key", "--quiet")));
    assert.equal(new Set(keys).size, 1);
  });

  await t.test("a manager that starts again waits for the key; the others go on", async () => {
    const before = await containers(hosts, "web");
    await third.daemon.restart(signal);
    await untilServing(third.daemon, third.daemonSocket, signal);
    assert.equal(await localState(third), "locked");
    assert.match((await docker(third, "node", "ls")).stderr, /needs to be unlocked/);
    await say(first, "service", "update", "--quiet", "--detach", "--label-add", "a=b", "web");
    await unlock(third, await say(first, "swarm", "unlock-key", "--quiet"));
    await untilAnswering(third);
    await untilNodes(third, ["h1 Ready Leader", "h2 Ready Reachable", "h3 Ready Reachable"]);
    assert.deepEqual(await containers(hosts, "web"), before);
  });

  await t.test("the root and the tokens are replaced under three managers", async () => {
    const root = await say(first, "swarm", "ca");
    await say(second, "swarm", "ca", "--rotate", "--quiet");
    assert.notEqual(await say(third, "swarm", "ca"), root);
    // Managers' etcds learn of the new root one after the other; until then none can join: docs/reliability.md.
    await systemClock.sleep(NEW_ROOT_MS, signal);
    await say(third, "swarm", "join-token", "--quiet", "--rotate", "manager");
    await join(fourth, third, "manager");
    await eventually("all four are managers, whoever leads by now", async () => {
      const shown = await nodes(fourth);
      return shown.length === 4 && shown.every((line) => /^h\d Ready (Leader|Reachable)$/.test(line));
    });
    // Members that start again must know each other under the new root.
    for (const host of [first, second, third]) {
      await host.daemon.restart(signal);
      await untilServing(host.daemon, host.daemonSocket, signal);
      await unlock(host, await say(fourth, "swarm", "unlock-key", "--quiet"));
      await untilAnswering(host);
    }
    await say(fourth, "swarm", "update", "--autolock=false");
    await eventually("the leader is there", async () => /Leader/.test(await say(fourth, "node", "ls")));
  });
});
