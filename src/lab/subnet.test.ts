import assert from "node:assert/strict";
import { test } from "node:test";
import { labPaths } from "./paths.ts";
import { addressOf, DEFAULT_SUBNET } from "./subnet.ts";

test("hosts have the addresses of their numbers", () => {
  assert.equal(addressOf(DEFAULT_SUBNET, 1), "10.77.0.1");
  assert.equal(addressOf("192.168.10.0/24", 254), "192.168.10.254");
});

for (const [subnet, n] of [
  ["10.77.0.0/16", 1],
  ["10.77.0.1/24", 1],
  ["fd00::/64", 1],
  ["", 1],
  [DEFAULT_SUBNET, 0],
  [DEFAULT_SUBNET, 255],
] as const)
  test(`there is no host ${n} in "${subnet}"`, () => assert.throws(() => addressOf(subnet, n), { code: "invalid" }));

for (const name of ["", "../etc", "a-b", "1a", "A", "a".repeat(21)])
  test(`no lab is called "${name}"`, () => assert.throws(() => labPaths(name), { code: "invalid" }));
