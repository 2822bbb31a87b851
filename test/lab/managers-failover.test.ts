import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import type { LabHost } from "#lab/host.ts";
import { eventually, openCluster, say, scene, signal } from "./cluster.ts";
import { containers, formManagers, leaderOf, nodes, restartManager, untilAnswering, untilNodes } from "./managers.ts";

interface Fault {
  readonly name: string;
  readonly begin: (host: LabHost) => Promise<void>;
  readonly end: (host: LabHost) => Promise<void>;
}

const FAULTS: readonly Fault[] = [
  { name: "was killed", begin: (host) => host.daemon.kill(signal), end: restartManager },
  {
    name: "hangs",
    begin: async (host) => host.daemon.freeze(),
    end: async (host) => {
      host.daemon.thaw();
      await untilAnswering(host);
    },
  },
  {
    name: "was cut off",
    begin: (host) => host.disconnect(signal),
    end: async (host) => host.reconnect(signal),
  },
];

test("another manager leads when the leader is lost", scene, async (t) => {
  await using cluster = await openCluster({ name: "mfail", hosts: 4, formed: false });
  const { hosts } = cluster.lab;
  const managers = hosts.slice(0, 3);
  const [first] = managers;
  assert.ok(first);
  await formManagers(managers, hosts.slice(3));
  await say(first, "service", "create", "--quiet", "--name", "web", "--replicas", "8", "flotilla/demo:1");

  for (const fault of FAULTS) {
    await t.test(`the leader ${fault.name}`, async () => {
      const leader = await leaderOf(managers, first);
      const others = managers.filter((host) => host !== leader);
      const [asked, writer] = others;
      assert.ok(asked && writer);
      // The leader's own tasks run elsewhere when its host is away for longer than a node may be.
      const rest = hosts.filter((host) => host !== leader);
      const before = await containers(rest, "web");
      await fault.begin(leader);
      const startedAt = systemClock.now();
      const next = await eventually("another leads", async () => {
        const [line] = (await nodes(asked)).filter((each) => each.endsWith(" Leader"));
        return line?.startsWith(`${leader.name} `) ? undefined : line;
      });
      t.diagnostic(`${next} after ${systemClock.now() - startedAt} ms`);
      await say(writer, "service", "create", "--quiet", "--detach", "--name", "late", "flotilla/demo:1");
      await eventually("the other manager has it", async () => say(asked, "service", "rm", "late"));
      await fault.end(leader);
      const expected = managers.map(({ name }) => `${name} Ready Reachable`);
      const led = (await leaderOf(managers, asked)).name;
      await untilNodes(leader, [
        ...expected.filter((line) => !line.startsWith(led)),
        `${led} Ready Leader`,
        "h4 Ready",
      ]);
      const after = new Set(await containers(rest, "web"));
      const ended = before.filter((container) => !after.has(container));
      assert.deepEqual(ended, [], "no task of the other hosts was restarted");
    });
  }
});
