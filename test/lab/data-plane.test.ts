import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { type DataPlaneUnderTest, dataPlaneContract } from "#network/contract.ts";
import { localHost } from "#network/local-host.ts";
import type { Probe } from "#network/testing/probe.ts";
import { Stage, type StageContainer } from "#network/testing/stage.ts";
import type { StageHost, StageNetwork } from "#network/testing/stage-host.ts";
import { tunnelled } from "#network/testing/tunnelled.ts";

/** Needs root: hosts and containers are network namespaces of this test's own, joined by a bridge without a way out. */
const isPossible = process.getuid?.() === 0 && existsSync("/proc/sys/net/bridge/bridge-nf-call-iptables");
const options = isPossible || process.env["CI"] !== undefined ? {} : { skip: "needs root and br_netfilter" };

const mesh: StageNetwork = { id: "mesh", vni: 4096, base: "10.0.0", ingress: true };
const app: StageNetwork = { id: "app", vni: 4097, base: "10.0.1" };
const other: StageNetwork = { id: "other", vni: 4098, base: "10.0.2" };
const vault: StageNetwork = { id: "vault", vni: 4099, base: "10.0.3", internal: true };

const never = AbortSignal.any([]);

const CLIENT = "10.77.0.254";
const WEB = "10.0.1.2";

dataPlaneContract("Linux", () => openContractHost(), options);

/** A host of its own for each check. */
async function openContractHost(): Promise<DataPlaneUnderTest> {
  const own = await Stage.open("flcontract", 1);
  const [host] = own.hosts;
  assert.ok(host);
  host.start();
  const addressesIn = (text: string) => [...new Set([...text.matchAll(/\b10\.0\.1\.\d+\b/g)].map(([found]) => found))];
  return {
    plane: host.plane,
    addBridge: ({ vni, address }) => host.addBridge({ vni, address }),
    tunnels: async () =>
      [...(await host.command("ip", "-o", "link", "show")).matchAll(/\bfl-vx(\d+):/g)].map(([, vni]) => Number(vni)),
    async targetsOf({ vni }, virtualIP) {
      const map = await host.command("nft", "list", "map", "ip", "flotilla", "virtual_ips");
      const chain = new RegExp(`"fl-br${vni}" \\. ${RegExp.escape(virtualIP)} : goto (\\S+?),?\\s`).exec(map)?.[1];
      if (chain === undefined) return [];
      return addressesIn(await host.command("nft", "list", "chain", "ip", "flotilla", chain));
    },
    [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
  };
}

let stage: Stage;
let h1: StageHost;
let h2: StageHost;
let h3: StageHost;
let client: Probe;
let web1: StageContainer;
let web2: StageContainer;
let caller: StageContainer;
let stranger: StageContainer;
let hidden1: StageContainer;
let hidden2: StageContainer;

const fails = (attempt: Promise<string>, message?: string) =>
  assert.rejects(attempt, /timeout|ECONN|EHOST|ENET/, message);

/** So many that of two containers, chosen by chance, one is left out less often than once in a hundred million runs. */
const MANY = 30;

/** Asks several times: the answers, sorted and each once. */
async function several(times: number, ask: () => Promise<string>): Promise<readonly string[]> {
  const answers = new Set<string>();
  for (let i = 0; i < times; i++) answers.add((await ask()).split(" ").slice(0, 2).join(" "));
  return [...answers].sort();
}

async function eventually(what: string, ask: () => Promise<unknown>): Promise<void> {
  const end = Date.now() + 8_000;
  for (;;) {
    try {
      await ask();
      return;
    } catch (cause) {
      if (Date.now() > end) throw new Error(`${what} did not come back`, { cause });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const webService = (tasks: readonly StageContainer[], draining: readonly StageContainer[] = []) => ({
  id: "web",
  networks: { mesh: undefined, app: WEB },
  ports: [
    { protocol: "tcp", published: 8080, target: 80 } as const,
    { protocol: "udp", published: 8080, target: 80 } as const,
  ],
  tasks,
  draining,
});

before(async () => {
  if ("skip" in options) return;
  stage = await Stage.open("fltest", 3);
  const [a, b, c] = stage.hosts;
  assert.ok(a && b && c);
  [h1, h2, h3] = [a, b, c];
  client = await stage.client();
  for (const network of [mesh, app, other, vault]) await stage.addNetwork(network);
  for (const host of stage.hosts) await stage.start(host);
  web1 = await stage.addContainer("web1", h1, { app: "10.0.1.11", mesh: "10.0.0.11" });
  web2 = await stage.addContainer("web2", h2, { app: "10.0.1.12", mesh: "10.0.0.12" });
  caller = await stage.addContainer("caller", h1, { app: "10.0.1.21" });
  stranger = await stage.addContainer("stranger", h2, { other: "10.0.2.31" });
  hidden1 = await stage.addContainer("hidden1", h1, { vault: "10.0.3.11" });
  hidden2 = await stage.addContainer("hidden2", h2, { vault: "10.0.3.12" });
  await stage.setService(webService([web1, web2]));
  await stage.setService({ id: "caller", networks: { app: undefined }, tasks: [caller] });
  await stage.setService({ id: "stranger", networks: { other: undefined }, tasks: [stranger] });
  await stage.setService({ id: "hidden", networks: { vault: "10.0.3.2" }, tasks: [hidden1, hidden2] });
});

after(async () => {
  await stage?.[Symbol.asyncDispose]();
});

test("containers reach each other across hosts", options, async () => {
  assert.match(await caller.probe.tcp("10.0.1.12", 80), /^web2 10\.0\.1\.21 /);
  assert.match(await caller.probe.udp("10.0.1.12", 80), /^web2 10\.0\.1\.21 /);
});

test("a virtual address spreads over hosts, and the callee sees the caller", options, async () => {
  assert.deepEqual(await several(MANY, () => caller.probe.tcp(WEB, 80)), ["web1 10.0.1.21", "web2 10.0.1.21"]);
  const udp = await several(MANY, () => caller.probe.udp(WEB, 80));
  assert.deepEqual(udp, ["web1 10.0.1.21", "web2 10.0.1.21"]);
});

test("a container reaches itself through its service", options, async () => {
  const answers = await several(MANY, () => web1.probe.tcp(WEB, 80));
  assert.deepEqual(answers, [`web1 ${h1.on(app.base)}`, "web2 10.0.1.11"]);
  assert.deepEqual(await several(MANY, () => web1.probe.tcp(h1.address, 8080)), [
    `web1 ${h1.on(mesh.base)}`,
    "web2 10.0.0.11",
  ]);
});

test("every host answers at a published port, and containers see the client's own address", options, async () => {
  for (const host of stage.hosts) {
    for (const ask of [() => client.tcp(host.address, 8080), () => client.udp(host.address, 8080)])
      assert.deepEqual(await several(MANY, ask), [`web1 ${CLIENT}`, `web2 ${CLIENT}`], host.namespace);
  }
});

test("one source port can come in by several hosts to one container", options, async () => {
  await stage.setService(webService([web2]));
  for (const [index, host] of stage.hosts.entries()) {
    const keep = `clash${index}`;
    assert.match(await client.tcp(host.address, 8080, { localPort: 40_404, keep }), new RegExp(`^web2 ${CLIENT} `));
  }
  for (const index of [0, 1, 2, 0]) assert.match(await client.again(`clash${index}`), /^web2 /);
  await stage.setService(webService([web1, web2]));
});

test(
  "a host reaches published ports: its own, by its loopback address, and those of other hosts",
  options,
  async () => {
    const own = await stage.onHost(h1);
    assert.deepEqual(await several(MANY, () => own.tcp(h1.address, 8080)), [
      `web1 ${h1.address}`,
      `web2 ${h1.address}`,
    ]);
    assert.deepEqual(await several(MANY, () => own.tcp(h2.address, 8080)), [
      `web1 ${h1.address}`,
      `web2 ${h1.address}`,
    ]);
    const loopback = await several(MANY, () => own.tcp("127.0.0.1", 8080));
    assert.deepEqual(loopback, [`web1 ${h1.on(mesh.base)}`, `web2 ${h1.on(mesh.base)}`]);
  },
);

test("a container of any network reaches published ports of every host with its own address", options, async () => {
  for (const host of stage.hosts) {
    const answers = await several(MANY, () => stranger.probe.tcp(host.address, 8080));
    assert.deepEqual(answers, ["web1 10.0.2.31", "web2 10.0.2.31"], host.namespace);
  }
});

test(
  "a virtual address or a published port without containers refuses, and hides the host's own services",
  options,
  async () => {
    const own = await stage.onHost(h1);
    await own.serve(8080);
    await own.serve(80);
    await stage.setService(webService([]));
    await assert.rejects(caller.probe.tcp(WEB, 80), /ECONNREFUSED/);
    await assert.rejects(client.tcp(h1.address, 8080), /ECONNREFUSED/);
    await assert.rejects(own.tcp(WEB, 80), /ECONNREFUSED/);
    await stage.setService(webService([web1, web2]));
    await caller.probe.tcp(WEB, 80);
  },
);

test("no connection from one network to another, nor from outside to a container", options, async () => {
  for (const address of ["10.0.1.11", "10.0.1.12", WEB, "10.0.0.12", h2.on(app.base), "10.0.3.12", h2.on(mesh.base)])
    await fails(stranger.probe.tcp(address, 80), address);
  await fails(web1.probe.tcp("10.0.0.12", 80), "a container of the mesh to another");
  await runRoutes("add");
  await fails(client.tcp("10.0.1.11", 80));
  await fails(client.tcp("10.0.0.11", 80));
  await runRoutes("del");
});

const runRoutes = async (verb: "add" | "del") => {
  for (const { base } of [app, mesh])
    await localHost.run(["ip", "-n", `${stage.name}-net`, "route", verb, `${base}.0/24`, "via", h1.address], never);
};

test("an internal network has no way out or in, and works within", options, async () => {
  await client.serve(9000);
  assert.match(await caller.probe.tcp(CLIENT, 9000), new RegExp(`^client ${h1.address} `), "others go out masqueraded");
  assert.match(await hidden1.probe.tcp("10.0.3.12", 80), /^hidden2 10\.0\.3\.11 /);
  assert.deepEqual(await several(MANY, () => hidden1.probe.udp("10.0.3.2", 80)), [
    `hidden1 ${h1.on(vault.base)}`,
    "hidden2 10.0.3.11",
  ]);
  for (const [address, port] of [
    [CLIENT, 9000],
    [h1.address, 8080],
    [h2.address, 8080],
    [h1.address, 80],
    [h1.on(vault.base), 80],
  ] as const)
    await fails(hidden1.probe.tcp(address, port), address);
});

test("a container cannot speak as another", options, async () => {
  const { namespace } = caller.probe;
  const inside = (command: string) => localHost.run(["ip", "-n", namespace, ...command.split(" ")], never);
  await inside("addr add 10.0.1.22/24 dev eth4097");
  await fails(caller.probe.udp("10.0.1.12", 80, { localAddress: "10.0.1.22" }), "an address of nobody");
  await inside("addr add 10.0.1.12/32 dev eth4097");
  await fails(caller.probe.udp("10.0.1.11", 80, { localAddress: "10.0.1.12" }), "another's address");
  await localHost.run(
    [
      "nsenter",
      `--net=/run/netns/${namespace}`,
      "busybox",
      "arping",
      "-c",
      "2",
      "-A",
      "-I",
      "eth4097",
      "-s",
      "10.0.1.12",
      "10.0.1.12",
    ],
    never,
  );
  await inside("addr del 10.0.1.12/32 dev eth4097");
  await inside("addr del 10.0.1.22/24 dev eth4097");
  assert.match(await web1.probe.tcp("10.0.1.12", 80), /^web2 10\.0\.1\.11 /);
  await inside("link set eth4097 address 02:42:0a:00:01:0c");
  await fails(caller.probe.tcp("10.0.1.11", 80), "another's MAC");
  await inside("link set eth4097 address 02:42:0a:00:01:15");
  await eventually("the container", () => caller.probe.tcp("10.0.1.11", 80));
});

test("encapsulated packets of containers and strangers go nowhere", options, async () => {
  const seen = async (send: (payload: Buffer) => Promise<unknown>, from: string) => {
    const payload = tunnelled({ vni: app.vni, from, to: "10.0.1.12", port: 80, toPort: 7777 });
    await send(payload);
    await new Promise((resolve) => setTimeout(resolve, 100));
    return Number((await packetsAt(web2)).trim());
  };
  const packets = Number((await packetsAt(web2)).trim());
  const peer = await stage.onHost(h1);
  assert.equal(await seen((payload) => peer.send(h2.address, 4789, payload), "10.0.1.11"), packets + 1, "a peer's do");
  await seen((payload) => client.send(h2.address, 4789, payload), "10.0.1.11");
  await seen((payload) => caller.probe.send(h2.address, 4789, payload), "10.0.1.11");
  await seen((payload) => stranger.probe.send(h2.address, 4789, payload), "10.0.1.11");
  assert.equal(
    await seen((payload) => stranger.probe.send(h2.on(other.base), 4789, payload), "10.0.1.11"),
    packets + 1,
  );
});

/** How many datagrams a container has received. */
const packetsAt = async ({ probe }: StageContainer): Promise<string> => {
  const snmp = (await localHost.run(["cat", `/proc/${probe.pid}/net/snmp`], never)).stdout;
  const udp = snmp.split("\n").filter((line) => line.startsWith("Udp:"));
  return udp[1]?.split(" ")[1] ?? "";
};

test("what somebody deletes comes back", options, async (t) => {
  const asks = () => Promise.all([caller.probe.tcp("10.0.1.12", 80), caller.probe.tcp(WEB, 80)]);
  const meshAsks = () => client.tcp(h1.address, 8080);
  const deletions: readonly (readonly [string, readonly string[]])[] = [
    ["a table", ["nft", "delete", "table", "ip", "flotilla"]],
    ["a chain's rules", ["nft", "flush", "chain", "ip", "flotilla", "nat_prerouting"]],
    ["the whole ruleset of spoofing", ["nft", "flush", "table", "bridge", "flotilla"]],
    ["a tunnel", ["ip", "link", "del", "fl-vx4097"]],
    ["a neighbour", ["ip", "neigh", "del", "10.0.1.12", "dev", "fl-vx4097"]],
    ["a forwarding entry", ["bridge", "fdb", "del", "02:42:0a:00:01:0c", "dev", "fl-vx4097"]],
    ["a virtual address", ["ip", "addr", "del", `${WEB}/32`, "dev", "fl-br4097"]],
    ["the mesh's ways back", ["nft", "flush", "map", "bridge", "flotilla", "entries"]],
    ["a setting", ["sysctl", "-w", "net.ipv4.conf.fl-br4096.rp_filter=1"]],
    ["an opening of the engine's firewall", ["iptables", "-D", "DOCKER-USER", "1"]],
  ];
  const state = async () => ({
    rules: (await h1.command("nft", "-s", "list", "table", "ip", "flotilla")).split("\n").sort(),
    bridge: await h1.command("nft", "-s", "list", "table", "bridge", "flotilla"),
    neighbours: await h1.command("ip", "neigh", "show", "nud", "permanent"),
    forwarding: (await h1.command("bridge", "fdb", "show", "dev", "fl-vx4097"))
      .split("\n")
      .filter((l) => l.includes("self"))
      .sort(),
    addresses: await h1.command("ip", "-o", "-4", "addr", "show", "dev", "fl-br4097"),
    rpFilter: await h1.command("cat", "/proc/sys/net/ipv4/conf/fl-br4096/rp_filter"),
    engine: (await h1.command("iptables", "-S", "DOCKER-USER")).split("\n").sort(),
  });
  const sorted = ({ neighbours, ...rest }: Awaited<ReturnType<typeof state>>) => ({
    ...rest,
    neighbours: neighbours.split("\n").sort(),
  });
  const whole = sorted(await state());
  for (const [what, argv] of deletions) {
    await t.test(what, async () => {
      const begun = Date.now();
      await h1.command(...argv);
      await eventually(what, async () => assert.deepEqual(sorted(await state()), whole));
      await asks();
      await meshAsks();
      t.diagnostic(`${what}: back after ${Date.now() - begun} ms`);
    });
  }
});

test("traffic goes on while the daemon is away, and when it comes back", options, async () => {
  await caller.probe.tcp(WEB, 80, { keep: "long" });
  await client.tcp(h1.address, 8080, { keep: "long" });
  const handles = await h2.command("ip", "-o", "link", "show", "fl-vx4097");
  for (const host of stage.hosts) await host.stop();
  assert.match(await caller.probe.again("long"), / 10\.0\.1\.21 /);
  assert.match(await client.again("long"), new RegExp(` ${CLIENT} `));
  await client.tcp(h3.address, 8080);
  for (const host of stage.hosts) await stage.start(host);
  assert.match(await caller.probe.again("long"), / 10\.0\.1\.21 /);
  assert.match(await client.again("long"), new RegExp(` ${CLIENT} `));
  assert.equal(await h2.command("ip", "-o", "link", "show", "fl-vx4097"), handles, "the tunnel is still the same");
});

test("a draining container keeps its connections and gets no new ones", options, async () => {
  await stage.setService(webService([web2]));
  await caller.probe.tcp(WEB, 80, { keep: "drain" });
  await client.tcp(h3.address, 8080, { keep: "drain" });
  await stage.setService(webService([web1], [web2]));
  assert.match(await caller.probe.again("drain"), /^web2 /);
  assert.match(await client.again("drain"), new RegExp(`^web2 ${CLIENT} `));
  assert.deepEqual(await several(3, () => caller.probe.tcp(WEB, 80)), ["web1 10.0.1.21"]);
  assert.deepEqual(await several(3, () => client.tcp(h2.address, 8080)), [`web1 ${CLIENT}`]);
  await stage.setService(webService([web1, web2]));
});

test("UDP clients that never rest leave a container that serves no more", options, async () => {
  await stage.setService(webService([web2]));
  assert.match(await caller.probe.udp(WEB, 80, { keep: "udp" }), /^web2 /);
  assert.match(await client.udp(h1.address, 8080, { keep: "udp" }), /^web2 /);
  await stage.setService(webService([web1], [web2]));
  assert.match(await caller.probe.udp(WEB, 80, { keep: "udp" }), /^web1 10\.0\.1\.21 .* by 10\.0\.1\.2$/);
  assert.match(await client.udp(h1.address, 8080, { keep: "udp" }), /^web1 /);
  await stage.setService(webService([web1, web2]));
});

test("a bridge that the engine makes later, or again, is taken up", options, async () => {
  const late: StageNetwork = { id: "late", vni: 4100, base: "10.0.4" };
  await h1.command("ip", "link", "del", "fl-br4098");
  await h1.addBridgeOf(other);
  await stage.addNetwork(late);
  await Promise.all(stage.hosts.map((host) => host.plane.ready("late", AbortSignal.timeout(5_000))));
  await h1.plane.ready("other", AbortSignal.timeout(5_000));
  const [a, b] = [
    await stage.addContainer("late1", h1, { late: "10.0.4.11" }),
    await stage.addContainer("late2", h3, { late: "10.0.4.12" }),
  ];
  await stage.setService({ id: "late", networks: { late: undefined }, tasks: [a, b] });
  assert.match(await a.probe.tcp("10.0.4.12", 80), /^late2 10\.0\.4\.11 /);
  const again = await stage.addContainer("again", h1, { other: "10.0.2.32" });
  await stage.setService({ id: "stranger", networks: { other: undefined }, tasks: [stranger, again] });
  await eventually("the other network", () => again.probe.tcp("10.0.2.31", 80));
});

test("nothing of ours remains after clear", options, async () => {
  await h2.clear();
  assert.doesNotMatch(await h2.command("ip", "-o", "link", "show"), /fl-vx/);
  assert.doesNotMatch(await h2.command("nft", "list", "tables"), /flotilla/);
  assert.doesNotMatch(await h2.command("iptables", "-S"), /flotilla/);
  assert.doesNotMatch(await h2.command("ip", "-o", "addr", "show"), /\/32 /);
});
