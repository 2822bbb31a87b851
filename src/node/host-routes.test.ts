import assert from "node:assert/strict";
import { test } from "node:test";
import { hostRoutes, parseRoutes } from "./host-routes.ts";

const HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
const line = (device: string, destination: string, mask: string) =>
  `${device}\t${destination}\t00000000\t0001\t0\t0\t0\t${mask}\t0\t0\t0                              \n`;

test("routes are read from the kernel's table, without the default and our own", () => {
  const table =
    HEAD +
    line("eth0", "00000000", "00000000") +
    line("eth0", "004D0A0A", "00FFFFFF") +
    line("docker0", "000011AC", "0000FFFF") +
    line("fl-br4097", "0001000A", "00FFFFFF") +
    line("eth1", "004D0A0A", "00FFFFFF") +
    line("eth0", "0100A8C0", "FFFFFFFF") +
    line("tun0", "0000000A", "000000FF");
  assert.deepEqual(parseRoutes(table), ["10.0.0.0/8", "10.10.77.0/24", "172.17.0.0/16", "192.168.0.1/32"]);
  assert.deepEqual([parseRoutes(HEAD), parseRoutes("")], [[], []]);
});

test("this host's table can be read", async () => {
  for (const route of await hostRoutes()) assert.match(route, /^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/);
});
