import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { render } from "./doctor.ts";
import type { EngineFacts, HostFacts } from "./facts.ts";
import { judge, type Verdict } from "./judge.ts";

const ENGINE: EngineFacts = {
  version: "28.3.0",
  apiVersion: "1.51",
  swarm: "inactive",
  firewall: "nftables",
  liveRestore: true,
  hasUserChain: undefined,
};

/** A host on which nothing is wrong and everything could be checked. */
const WELL: HostFacts = {
  kernel: { vxlan: true, bridge: true, br_netfilter: true, nf_tables: true },
  programs: { ip: true, bridge: true, nft: true, conntrack: true },
  engine: ENGINE,
  ports: [
    { number: 2377, protocol: "tcp", use: "managers", holder: undefined },
    { number: 4789, protocol: "udp", use: "tunnels", holder: { name: "the tunnel fl-vx4096", isOurs: true } },
  ],
  routes: [{ destination: "192.168.1.0/24", device: "eth0" }],
  addressPools: ["10.0.0.0/8"],
  clock: { manager: "192.168.1.2:2377", aheadMs: 300 },
  peers: [{ name: "h2", address: "192.168.1.2", reach: "large" }],
};

const engine = (changes: Partial<EngineFacts>): Partial<HostFacts> => ({ engine: { ...ENGINE, ...changes } });
const holds = (protocol: "tcp" | "udp", name: string): Partial<HostFacts> => ({
  ports: [{ number: 1, protocol, use: "this", holder: { name, isOurs: false } }],
});
const routes = (...destinations: readonly string[]): Partial<HostFacts> => ({
  routes: destinations.map((destination) => ({ destination, device: "eth0" })),
});
const ahead = (aheadMs: number | undefined): Partial<HostFacts> => ({ clock: { manager: "m:2377", aheadMs } });
const reach = (value: "small" | "none" | "unknown"): Partial<HostFacts> => ({
  peers: [{ name: "h2", address: "192.168.1.2", reach: value }],
});

test("a host on which all is well", () => {
  const findings = judge(WELL);
  assert.deepEqual([...new Set(findings.map(({ verdict }) => verdict))], ["ok"]);
  assert.match(render(findings), /✔ kernel: vxlan +works\n/);
  assert.match(render(findings), /\nproblems: 0, notices: 0, not checked: 0\n$/);
});

describe("what is not well is told with what to do", () => {
  const rows: readonly {
    readonly name: string;
    readonly facts: Partial<HostFacts>;
    readonly verdict: Exclude<Verdict, "ok">;
    readonly text: RegExp;
  }[] = [
    {
      name: "a missing program",
      facts: { programs: { ...WELL.programs, conntrack: false } },
      verdict: "problem",
      text: /apt-get install conntrack/,
    },
    {
      name: "a missing feature of the kernel",
      facts: { kernel: { ...WELL.kernel, vxlan: false } },
      verdict: "problem",
      text: /load the module vxlan/,
    },
    {
      name: "a feature that could not be tried",
      facts: { kernel: { ...WELL.kernel, nf_tables: undefined } },
      verdict: "unknown",
      text: /as root/,
    },
    { name: "no engine", facts: { engine: "nobody answers" }, verdict: "problem", text: /nobody answers: start it/ },
    {
      name: "an old engine",
      facts: engine({ version: "19.03", apiVersion: "1.40" }),
      verdict: "problem",
      text: /update it to 20\.10/,
    },
    {
      name: "an engine in a swarm",
      facts: engine({ swarm: "active" }),
      verdict: "problem",
      text: /docker swarm leave/,
    },
    { name: "no live restore", facts: engine({ liveRestore: false }), verdict: "notice", text: /"live-restore": true/ },
    {
      name: "an engine that keeps its hands off iptables",
      facts: engine({ firewall: undefined, hasUserChain: false }),
      verdict: "problem",
      text: /without "iptables": false/,
    },
    {
      name: "a firewall that could not be looked at",
      facts: engine({ firewall: "iptables", hasUserChain: undefined }),
      verdict: "unknown",
      text: /as root/,
    },
    {
      name: "a TCP port in use",
      facts: holds("tcp", "x (pid 1)"),
      verdict: "problem",
      text: /x \(pid 1\).*--listen-addr/,
    },
    {
      name: "a UDP port in use",
      facts: holds("udp", "the tunnel flannel.1"),
      verdict: "problem",
      text: /flannel\.1 has it.*--data-path-port/,
    },
    {
      name: "a route inside the pool",
      facts: routes("10.1.0.0/16"),
      verdict: "notice",
      text: /route to 10\.1\.0\.0\/16 \(eth0\)/,
    },
    { name: "a route around the pool", facts: routes("10.0.0.0/7"), verdict: "problem", text: /--default-addr-pool/ },
    {
      name: "a pool that is none",
      facts: { addressPools: ["ten"] },
      verdict: "problem",
      text: /ten is no IPv4 network/,
    },
    { name: "no cluster", facts: { clock: undefined }, verdict: "unknown", text: /in no cluster/ },
    { name: "a manager that is silent", facts: ahead(undefined), verdict: "unknown", text: /m:2377 does not answer/ },
    { name: "a clock that is somewhat off", facts: ahead(-5_000), verdict: "notice", text: /5 s behind.*NTP/ },
    {
      name: "a clock that is far off",
      facts: ahead(7_200_000),
      verdict: "problem",
      text: /7200 s ahead.*certificates/,
    },
    { name: "no peers", facts: { peers: [] }, verdict: "unknown", text: /no other nodes are known/ },
    { name: "a path for small packets only", facts: reach("small"), verdict: "problem", text: /driver\.mtu/ },
    { name: "a peer that is silent", facts: reach("none"), verdict: "unknown", text: /does not answer to ping/ },
    { name: "no ping", facts: reach("unknown"), verdict: "unknown", text: /iputils-ping/ },
  ];
  for (const { name, facts, verdict, text } of rows) {
    test(name, () => {
      const notWell = judge({ ...WELL, ...facts }).filter((finding) => finding.verdict !== "ok");
      assert.deepEqual(
        notWell.map((finding) => finding.verdict),
        [verdict],
      );
      assert.match(notWell[0]?.text ?? "", text);
    });
  }
});

test("default routes and routes beside the pool do not matter", () => {
  const findings = judge({ ...WELL, ...routes("0.0.0.0/0", "11.0.0.0/8", "172.17.0.0/16") });
  assert.ok(findings.every(({ verdict }) => verdict === "ok"));
});

for (const [apiVersion, verdict] of [
  ["1.41", "ok"],
  ["1.100", "ok"],
  ["2.0", "ok"],
  ["1.9", "problem"],
] as const) {
  test(`API ${apiVersion}: ${verdict}`, () => {
    const found = judge({ ...WELL, ...engine({ apiVersion }) }).find(({ subject }) => subject === "engine");
    assert.equal(found?.verdict, verdict);
  });
}
