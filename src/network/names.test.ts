import assert from "node:assert/strict";
import { test } from "node:test";
import { macOf } from "#model/mac-address.ts";
import { bridgeName, entryMark, entryZone, isBridge, isTunnel, numberInSubnet, tunnelName } from "./names.ts";

test("names of devices fit into the kernel's 15 characters with the largest network identifier", () => {
  const largest = 2 ** 24 - 1;
  for (const name of [bridgeName(largest), tunnelName(largest)]) assert.ok(name.length <= 15, name);
  assert.ok(isBridge(bridgeName(1)) && isTunnel(tunnelName(1)) && !isBridge("docker0"));
});

test("a MAC address follows from the address", () => {
  assert.equal(macOf("10.0.1.254"), "02:42:0a:00:01:fe");
});

test("an entry node's number, mark and zone are the low bits of its address", () => {
  const number = numberInSubnet("10.0.0.0/16", "10.0.1.2");
  assert.equal(number, 258);
  assert.equal(entryMark(number), "0xf1000102");
  assert.equal(entryZone(number), 258);
  assert.equal(numberInSubnet("10.0.0.0/24", "10.0.1.2"), undefined);
});

test("zones stay within what connection tracking has, and off the default zone", () => {
  for (const number of [1, 65_535, 65_536, 2 ** 24 - 2]) {
    const zone = entryZone(number);
    assert.ok(zone >= 1 && zone <= 65_535, String(zone));
  }
});
