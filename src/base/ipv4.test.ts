import assert from "node:assert/strict";
import { isIPv4 } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Cidr,
  cidrAt,
  contains,
  covers,
  formatCidr,
  formatIpv4,
  hostRange,
  hostsOf,
  lastOf,
  overlaps,
  parseCidr,
  parseIpv4,
  sizeOf,
} from "./ipv4.ts";

const address = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const block = fc.tuple(address, fc.integer({ min: 0, max: 32 })).map(([base, prefix]) => cidrAt(base, prefix));
const cidr = (text: string): Cidr => parseCidr(text) ?? assert.fail(`${text} is no CIDR`);

test("an address and its text say the same", () => {
  assert.equal(parseIpv4("0.0.0.0"), 0);
  assert.equal(parseIpv4("10.0.1.2"), 0x0a_00_01_02);
  assert.equal(parseIpv4("255.255.255.255"), 2 ** 32 - 1);
  fc.assert(
    fc.property(address, (value) => {
      assert.ok(isIPv4(formatIpv4(value)));
      assert.equal(parseIpv4(formatIpv4(value)), value);
    }),
  );
});

test("a block and its text say the same", () => {
  fc.assert(fc.property(block, (value) => assert.deepEqual(parseCidr(formatCidr(value)), value)));
});

test("a block is known by any of its addresses", () => {
  assert.equal(formatCidr(cidr("10.0.3.7/24")), "10.0.3.0/24");
  assert.equal(formatCidr(cidr("200.1.2.3/1")), "128.0.0.0/1");
  assert.equal(formatCidr(cidr("1.2.3.4/0")), "0.0.0.0/0");
  assert.equal(formatCidr(cidr("1.2.3.4/32")), "1.2.3.4/32");
});

for (const text of [
  "",
  "10.0.0.0",
  "10.0.0.0/33",
  "10.0.0.0/",
  "10.0.0/8",
  "10.0.0.256/8",
  "::1/64",
  "a/b",
  " 10.0.0.0/8",
])
  test(`"${text}" is no block`, () => assert.equal(parseCidr(text), undefined));

for (const text of ["", "10.0.0", "10.0.0.0/8", "::1", "1.2.3.256"])
  test(`"${text}" is no address`, () => assert.equal(parseIpv4(text), undefined));

test("a block ends where its size says", () => {
  assert.equal(formatIpv4(lastOf(cidr("10.0.0.0/24"))), "10.0.0.255");
  assert.equal(formatIpv4(lastOf(cidr("0.0.0.0/0"))), "255.255.255.255");
  assert.equal(sizeOf(cidr("10.0.0.0/30")), 4);
});

test("an address is in the block that is made of it, and not beside it", () => {
  fc.assert(
    fc.property(address, fc.integer({ min: 0, max: 32 }), (value, prefix) => {
      const own = cidrAt(value, prefix);
      assert.ok(contains(own, value) && contains(own, own.base) && contains(own, lastOf(own)));
      assert.ok(!contains(own, own.base - 1) && !contains(own, lastOf(own) + 1));
    }),
  );
});

test("blocks overlap if one covers the other, and only then", () => {
  assert.ok(overlaps(cidr("10.0.0.0/8"), cidr("10.9.0.0/16")));
  assert.ok(!overlaps(cidr("10.0.0.0/24"), cidr("10.0.1.0/24")));
  assert.ok(covers(cidr("10.0.0.0/8"), cidr("10.9.0.0/16")) && !covers(cidr("10.9.0.0/16"), cidr("10.0.0.0/8")));
  fc.assert(
    fc.property(block, block, (a, b) =>
      assert.equal(overlaps(a, b), Math.max(a.base, b.base) <= Math.min(lastOf(a), lastOf(b))),
    ),
  );
});

for (const [text, expected] of [
  ["10.0.0.0/30", ["10.0.0.1", "10.0.0.2"]],
  ["10.0.0.4/31", ["10.0.0.4", "10.0.0.5"]],
  ["10.0.0.4/32", ["10.0.0.4"]],
] as const)
  test(`the hosts of ${text}`, () => assert.deepEqual([...hostsOf(cidr(text))].map(formatIpv4), expected));

test("the hosts of a subnet begin after its network address and end before its broadcast address", () => {
  const { first, last } = hostRange(cidr("10.1.0.0/16"));
  assert.deepEqual([first, last].map(formatIpv4), ["10.1.0.1", "10.1.255.254"]);
});
