import assert from "node:assert/strict";
import { test } from "node:test";
import { execute } from "#lab/command.ts";
import type { Place } from "./background.ts";
import { say, signal } from "./cluster.ts";
import {
  askInside,
  containerOf,
  createProbe,
  dig,
  openProbeCluster,
  PROBE,
  ProbeContainer,
  probeScene,
  unreachable,
  virtualIP,
} from "./probe.ts";

const CLIENT = "10.77.0.254";
const UDP_PROGRAM = new URL("./udp-program.ts", import.meta.url).pathname;
/** Counts the datagrams of this test between the hosts: tunnels have longer ones. */
const count = (port: number): string => `add rule bridge spy forward udp dport ${port} udp length 12 counter`;
const SPY = [
  "add table bridge spy",
  "add chain bridge spy forward { type filter hook forward priority 0; }",
  count(4789),
  count(4790),
].join("; ");

test("a hostile container is contained", probeScene, async (t) => {
  await using cluster = await openProbeCluster({ name: "foe", hosts: 2 });
  const { lab, manager } = cluster;
  await say(manager, "network", "create", "--driver=overlay", "app");
  await say(manager, "network", "create", "--driver=overlay", "--internal", "back");
  await createProbe(manager, "foe", "--network", "app", "--mode", "global");
  await createProbe(manager, "victim", "--network", "app", "--mode", "global");
  await createProbe(manager, "store", "--network", "back", "--mode", "global");
  const foe = await containerOf(cluster, "foe", "h1");
  const victims = [await containerOf(cluster, "victim", "h1"), await containerOf(cluster, "victim", "h2")];
  const place = await foe.place();
  /** What someone who had broken out of the container's restrictions could do to its network. */
  const asFoe = (argv: readonly string[]) => execute({ argv: place.enter(argv) }, signal);
  /** Sends one datagram; whether it is answered does not matter. */
  const send = (from: Place, address: string, port: string) =>
    execute({ argv: from.enter([process.execPath, UDP_PROGRAM, address, port, "1"]) }, signal);

  await t.test("it cannot speak with the address of another", async () => {
    const device = (await asFoe(["ip", "-o", "route", "get", await virtualIP(manager, "victim", "app")])).stdout;
    const [, name = ""] = / dev (\S+)/.exec(device) ?? [];
    const stolen = [
      await victims[0]?.address("app"),
      await victims[1]?.address("app"),
      await (await containerOf(cluster, "store", "h1")).address("back"),
      CLIENT,
    ];
    for (const address of stolen) {
      assert.equal((await asFoe(["ip", "addr", "add", `${address}/32`, "dev", name])).code, 0);
      for (const victim of victims) {
        const target = await victim.address("app");
        if (target === address) continue;
        const url = `http://${target}/`;
        const { code } = await asFoe(["curl", "-s", "--max-time", "1", "--interface", `${address}`, url]);
        assert.notEqual(code, 0, `${address} asks ${target}`);
      }
      await asFoe(["ip", "addr", "del", `${address}/32`, "dev", name]);
    }
    assert.equal((await askInside(foe, "http://victim/", 5)).length, 5, "with its own address it still can");
  });

  await t.test("nor can it take the address of another by telling everybody so", async () => {
    const [near] = victims;
    assert.ok(near);
    const address = await near.address("app");
    const asker = new ProbeContainer(victims[1]?.host ?? manager, victims[1]?.id ?? "");
    const [, name = ""] = / dev (\S+)/.exec((await asFoe(["ip", "-o", "route", "get", address])).stdout) ?? [];
    await asFoe(["ip", "addr", "add", `${address}/32`, "dev", name]);
    await asFoe(["busybox", "arping", "-U", "-c", "3", "-I", name, address]);
    for (const place of [asker, await containerOf(cluster, "victim", "h2")]) {
      const answers = await askInside(place, `http://${address}/`, 10);
      assert.deepEqual([...new Set(answers.map(({ task }) => task.split("-")[0]))], ["victim"]);
    }
    await asFoe(["ip", "addr", "del", `${address}/32`, "dev", name]);
  });

  await t.test("it cannot send packets of tunnels, which its host would put its own address on", async () => {
    await lab.run(["nft", SPY], signal);
    const spied = await lab.run(["nft", "list", "table", "bridge", "spy"], signal);
    assert.match(spied, /4789.*packets 0/);
    const id = await manager.docker(["run", "--detach", PROBE], signal);
    const plain = await new ProbeContainer(manager, id.trim()).place();
    const target = lab.host("h2").address;
    for (const from of [place, plain]) for (const port of ["4789", "4790"]) await send(from, target, port);
    const seen = await lab.run(["nft", "list", "table", "bridge", "spy"], signal);
    assert.match(seen, /dport 4790 .*packets 2/, "other datagrams leave");
    assert.match(seen, /dport 4789 .*packets 0/, "from no network, neither the cluster's nor the engine's");
  });

  await t.test("it reaches neither the gateways nor the name servers of other networks", async () => {
    const store = await containerOf(cluster, "store", "h1");
    const [line = ""] = (await store.run("ip", "route")).split("\n").filter((route) => route.includes("10.0."));
    const subnet = /10\.0\.\d+/.exec(line)?.[0] ?? "";
    const gateways = (await manager.run(["ip", "-o", "-4", "addr", "show"], signal))
      .split("\n")
      .flatMap((entry) => /fl-br\S+\s+inet ([\d.]+)\//.exec(entry)?.[1] ?? [])
      .filter((address) => address.startsWith(`${subnet}.`));
    assert.ok(gateways.length > 0);
    for (const gateway of gateways) {
      assert.deepEqual(await dig(foe, `@${gateway}`, "store").catch(() => []), [], gateway);
      assert.doesNotMatch((await unreachable(foe, `http://${gateway}:2377/`)) ?? "", /Empty reply|Received/);
    }
  });
});
