import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCidr } from "#base/ipv4.ts";
import { parseFlows, staleFlows } from "./flows.ts";

const LISTING = `udp      17 29 src=10.0.1.21 dst=10.0.1.2 sport=59481 dport=80 src=10.0.1.12 dst=10.0.1.21 sport=80 dport=59481 [ASSURED] mark=0 use=1
udp      17 9 src=10.0.1.21 dst=10.0.1.2 sport=59482 dport=80 [UNREPLIED] src=10.0.1.11 dst=10.0.1.21 sport=80 dport=59482 mark=0 use=1
udp      17 9 src=192.168.7.9 dst=192.168.7.1 sport=4000 dport=5353 [UNREPLIED] src=192.168.7.1 dst=192.168.7.9 sport=5353 dport=4000 mark=0 use=1
udp      17 9 src=192.168.7.9 dst=10.0.0.12 sport=4000 dport=80 zone-orig=4 src=10.0.0.12 dst=192.168.7.9 sport=80 dport=4000 mark=1 use=1
tcp      6 118 SYN_SENT src=192.168.7.9 dst=192.168.7.1 sport=4001 dport=8080 [UNREPLIED] src=10.0.1.12 dst=192.168.7.9 sport=80 dport=4001 mark=0 use=1
`;

test("flows are read with or without answers and zones", () => {
  assert.deepEqual(parseFlows(LISTING), [
    { destination: "10.0.1.2", port: 80, answerer: "10.0.1.12" },
    { destination: "10.0.1.2", port: 80, answerer: "10.0.1.11" },
    { destination: "192.168.7.1", port: 5353, answerer: "192.168.7.1" },
    { destination: "10.0.0.12", port: 80, answerer: "10.0.0.12" },
    { destination: "192.168.7.1", port: 8080, answerer: "10.0.1.12" },
  ]);
});

const subnets = [parseCidr("10.0.1.0/24")].flatMap((cidr) => cidr ?? []);

const CASES = [
  { what: "all serve", serving: ["10.0.1.11", "10.0.1.12"], published: [], stale: [] },
  { what: "one is gone", serving: ["10.0.1.11"], published: [], stale: [["--reply-src", "10.0.1.12"]] },
  {
    what: "a port is published under a flow to the host itself",
    serving: ["10.0.1.11", "10.0.1.12"],
    published: [5353],
    stale: [["--orig-dst", "192.168.7.1", "--orig-port-dst", "5353"]],
  },
] as const;

for (const { what, serving, published, stale } of CASES) {
  test(`flows to forget: ${what}`, () => {
    const own: readonly string[] = serving;
    const view = { subnets, isServing: (address: string) => own.includes(address), published: new Set(published) };
    assert.deepEqual(staleFlows(parseFlows(LISTING), view), stale);
  });
}
