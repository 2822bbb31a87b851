import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import type { LabHost } from "#lab/host.ts";
import { untilServing } from "#lab/serving.ts";
import { eventually, say, signal } from "./cluster.ts";
import { Hammer, summary } from "./hammer.ts";
import {
  askFrom,
  askInside,
  containerOf,
  createProbe,
  openProbeCluster,
  probeScene,
  tasksIn,
  untilAnswering,
} from "./probe.ts";

/** What someone deletes is back within this time, in ms. */
const REPAIR_MS = 5_000;

test("networks outlive daemons, and what others break is mended", { ...probeScene, timeout: 300_000 }, async (t) => {
  await using cluster = await openProbeCluster({ name: "mend", hosts: 3 });
  const { lab, manager } = cluster;
  await say(manager, "network", "create", "--driver=overlay", "app");
  await createProbe(manager, "web", "--network", "app", "--publish", "8080:80", "--replicas", "6");
  const addresses = lab.hosts.map(({ address }) => address);
  for (const address of addresses) await untilAnswering(lab, `http://${address}:8080/`, 6);
  const host = lab.host("h2");
  const ready = (name: string) =>
    eventually(
      `${name} is ready`,
      async () => (await say(manager, "node", "inspect", "--format", "{{.Status.State}}", name)) === "ready",
    );

  for (const daemon of lab.hosts) {
    await t.test(`the daemon of ${daemon.name} is killed and started under load`, async () => {
      using hammer = new Hammer(lab, { addresses, requests: 5_000, concurrency: 8 });
      await daemon.daemon.kill(signal);
      await daemon.daemon.restart(signal);
      await untilServing(daemon.daemon, daemon.daemonSocket, signal);
      await ready(daemon.name);
      const report = await hammer.finish();
      t.diagnostic(`daemon of ${daemon.name} killed: ${summary(report)}`);
      assert.deepEqual(report.failures.slice(0, 5), []);
    });
  }

  await t.test("traffic goes on while all daemons are absent", async () => {
    for (const { daemon } of lab.hosts) await daemon.stop(signal);
    for (const address of addresses) assert.equal(tasksIn(await askFrom(lab, `http://${address}:8080/`)).length, 6);
    const web = await containerOf(cluster, "web");
    assert.equal((await askInside(web, `http://${await web.address("app")}/`, 5)).length, 5);
    await Promise.all(
      lab.hosts.map(async ({ daemon, daemonSocket }) => {
        await daemon.restart(signal);
        await untilServing(daemon, daemonSocket, signal);
      }),
    );
    for (const { name } of lab.hosts) await ready(name);
  });

  const whole = async () => {
    for (const address of addresses) {
      const answers = await askFrom(lab, `http://${address}:8080/`);
      if (tasksIn(answers).length !== 6) return false;
    }
    const web = await containerOf(cluster, "web", "h2");
    return tasksIn(await askInside(web, "http://web/")).length === 6;
  };

  await t.test("all is whole before anything is broken", async () => {
    await eventually("all tasks answer", whole, 20_000);
  });

  const tunnels = async (on: LabHost) =>
    (JSON.parse(await on.run(["ip", "-json", "link", "show", "type", "vxlan"], signal)) as { ifname: string }[])
      .map(({ ifname }) => ifname)
      .toSorted();
  const list = (on: LabHost, ...argv: readonly string[]) => on.run(argv, signal);
  const damages: readonly {
    readonly name: string;
    readonly look: (on: LabHost) => Promise<unknown>;
    readonly damage: (on: LabHost) => Promise<unknown>;
  }[] = [
    {
      name: "the table of rules",
      look: (on) => list(on, "nft", "list", "table", "ip", "flotilla"),
      damage: (on) => list(on, "nft", "delete", "table", "ip", "flotilla"),
    },
    {
      name: "the rules in the table",
      look: (on) => list(on, "nft", "list", "table", "ip", "flotilla"),
      damage: (on) => list(on, "nft", "flush", "table", "ip", "flotilla"),
    },
    {
      name: "a tunnel",
      look: tunnels,
      damage: async (on) => list(on, "ip", "link", "del", (await tunnels(on))[0] ?? ""),
    },
    {
      name: "a tunnel that is down",
      look: async (on) => (await list(on, "ip", "-o", "link", "show", "type", "vxlan", "up")).split("\n").length,
      damage: async (on) => list(on, "ip", "link", "set", (await tunnels(on))[0] ?? "", "down"),
    },
    {
      name: "the neighbours behind a tunnel",
      look: async (on) => sorted(await list(on, "ip", "neigh", "show", "nud", "permanent")),
      damage: async (on) =>
        Promise.all(
          (await tunnels(on)).map((tunnel) => list(on, "ip", "neigh", "flush", "nud", "permanent", "dev", tunnel)),
        ),
    },
    {
      name: "the forwarding entries of a tunnel",
      look: async (on) => sorted(await list(on, "bridge", "fdb", "show", "dev", (await tunnels(on))[0] ?? "")),
      damage: async (on) => {
        const tunnel = (await tunnels(on))[0] ?? "";
        const entries = (await list(on, "bridge", "fdb", "show", "dev", tunnel)).split("\n");
        for (const entry of entries) {
          const [, mac, dst] = /^(\S+) dst (\S+) self/.exec(entry) ?? [];
          if (mac !== undefined && dst !== undefined)
            await list(on, "bridge", "fdb", "del", mac, "dev", tunnel, "dst", dst, "self");
        }
      },
    },
    {
      name: "the ways back of the mesh",
      look: async (on) => sorted(await list(on, "nft", "list", "map", "bridge", "flotilla", "entries")),
      damage: (on) => list(on, "nft", "flush", "map", "bridge", "flotilla", "entries"),
    },
    {
      name: "the engine's permission to forward",
      look: async (on) =>
        sorted(await list(on, "iptables", "-S", "DOCKER-USER")).filter((rule) => rule.includes("fl-br")),
      damage: (on) => list(on, "iptables", "-F", "DOCKER-USER"),
    },
    {
      name: "virtual addresses",
      look: async (on) => sorted((await list(on, "ip", "-o", "-4", "addr", "show")).replaceAll(/valid_lft.*/g, "")),
      damage: async (on) => {
        const lines = (await list(on, "ip", "-o", "-4", "addr", "show")).split("\n");
        for (const line of lines) {
          const [, device, address] = /^\d+: (fl-br\S+)\s+inet (\S+\/32)/.exec(line) ?? [];
          if (device !== undefined && address !== undefined)
            await list(on, "ip", "addr", "del", address, "dev", device);
        }
      },
    },
  ];
  for (const { name, look, damage } of damages) {
    await t.test(`${name}, deleted by someone, is back`, async () => {
      const before = await look(host);
      await damage(host);
      await eventually("it is back", async () => isDeepStrictEqual(await look(host), before), REPAIR_MS);
      await eventually("all tasks answer", whole, REPAIR_MS);
    });
  }
});

const sorted = (lines: string): readonly string[] => lines.trim().split("\n").toSorted();
