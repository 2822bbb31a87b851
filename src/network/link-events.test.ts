import assert from "node:assert/strict";
import { test } from "node:test";
import { linkEventUrgency } from "./link-events.ts";

const WANTED: ReadonlyMap<string, string> = new Map([
  ["neighbour 10.0.1.12 dev fl-vx4097", "lladdr 02:42:0a:00:01:0c"],
  ["forwarding 02:42:0a:00:01:0c dev fl-vx4097", "dst 192.168.7.2"],
  ["address 10.0.1.2/32 dev fl-br4097", ""],
]);

/** As `ip monitor` of iproute2 6.1 prints them. */
const LINES = [
  ["12: fl-br4097: <BROADCAST,MULTICAST,UP> mtu 1450 qdisc noqueue state UP group default ", "now"],
  ["Deleted 4: fl-vx4097: <BROADCAST,MULTICAST> mtu 1450 qdisc noop state DOWN group default ", "now"],
  ["14: veth0a1b2c3@if13: <BROADCAST> mtu 1450 qdisc noqueue master fl-br4097 state UP group default ", "now"],
  ["14: veth0a1b2c3@if13: <BROADCAST> mtu 1500 qdisc noqueue master docker0 state UP group default ", undefined],
  ["12: fl-br4097    inet 10.0.1.3/24 scope global fl-br4097", "now"],
  ["Deleted 12: fl-br4097    inet 10.0.1.2/32 scope global fl-br4097", "soon"],
  ["12: fl-br4097    inet 10.0.1.2/32 scope global fl-br4097", undefined],
  ["Deleted 12: fl-br4097    inet 10.0.1.9/32 scope global fl-br4097", undefined],
  ["Deleted 192.168.7.2 dev fl-vx4097 lladdr 02:42:0a:00:01:0c NOARP PERMANENT ", "soon"],
  ["192.168.7.2 dev fl-vx4097 lladdr 02:42:0a:00:01:0c NOARP PERMANENT ", undefined],
  ["192.168.7.3 dev fl-vx4097 lladdr 02:42:0a:00:01:0c NOARP PERMANENT ", "soon"],
  ["Deleted 192.168.7.2 dev fl-vx4097 lladdr 02:42:0a:00:01:63 NOARP PERMANENT ", undefined],
  ["10.0.1.12 dev fl-vx4097 FAILED ", "soon"],
  ["10.0.1.99 dev fl-vx4097 FAILED ", undefined],
  ["10.0.1.12 dev fl-vx4097 lladdr 02:42:0a:00:01:0c PERMANENT ", undefined],
  ["10.0.1.12 dev fl-vx4097 lladdr 02:42:0a:00:01:63 PERMANENT ", "soon"],
  ["10.0.1.12 dev fl-br4097 lladdr 02:42:0a:00:01:0c REACHABLE ", undefined],
  ["10.0.1.12 dev fl-br4097 FAILED ", undefined],
  ["Deleted dev fl-vx4097 lladdr 02:42:0a:00:01:0c REACHABLE ", undefined],
  ["inet fl-br4097 rp_filter strict ", "soon"],
  ["inet eth0 rp_filter strict ", undefined],
] as const;

const isWanted = (key: string, value: string | undefined) => WANTED.get(key) === value;

for (const [line, urgency] of LINES) {
  test(`${urgency ?? "no"} look after: ${line.trim()}`, () => assert.equal(linkEventUrgency(line, isWanted), urgency));
}
