import assert from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { describe, test } from "node:test";
import type { FlotillaError } from "#base/errors.ts";
import {
  type AdvertiseOptions,
  type Interfaces,
  parseHostPort,
  renderHostPort,
  resolveAdvertiseAddr,
  resolveDataPathAddr,
  resolveListenAddr,
  validateAddressPools,
  validateDataPathPort,
} from "./addresses.ts";

const ip = (address: string, internal = false): NetworkInterfaceInfo =>
  address.includes(":")
    ? { address, family: "IPv6", netmask: "ffff::", mac: "", internal, cidr: null, scopeid: 0 }
    : { address, family: "IPv4", netmask: "255.0.0.0", mac: "", internal, cidr: null };

const INTERFACES: Interfaces = {
  lo: [ip("127.0.0.1", true), ip("::1", true)],
  eth0: [ip("10.0.0.1"), ip("fe80::1"), ip("fd00::1")],
  docker0: [ip("172.17.0.1")],
  two: [ip("10.0.1.1"), ip("10.0.1.2")],
  v6: [ip("fd00::2")],
  bare: [],
};

const refused = (message: string | RegExp) => (err: FlotillaError) =>
  err.code === "invalid" && (typeof message === "string" ? err.message === message : message.test(err.message));

describe("host and port", () => {
  for (const { text, want } of [
    { text: "h1", want: { host: "h1", port: 2377 } },
    { text: "10.0.0.1:99", want: { host: "10.0.0.1", port: 99 } },
    { text: "[fd00::1]:99", want: { host: "fd00::1", port: 99 } },
    { text: "[fd00::1]", want: { host: "fd00::1", port: 2377 } },
    { text: "fd00::1", want: { host: "fd00::1", port: 2377 } },
    { text: "", want: { host: "", port: 2377 } },
    { text: ":99", want: { host: "", port: 99 } },
    { text: "h1:0", want: undefined },
    { text: "h1:65536", want: undefined },
    { text: "h1:ssh", want: undefined },
    { text: "a:b:c", want: undefined },
  ]) {
    test(`"${text}" is ${JSON.stringify(want)}`, () => assert.deepEqual(parseHostPort(text, 2377), want));
  }

  test("are rendered so that they can be parsed again", () => {
    for (const address of [
      { host: "fd00::1", port: 1 },
      { host: "10.0.0.1", port: 2 },
    ]) {
      assert.deepEqual(parseHostPort(renderHostPort(address), 9), address);
    }
  });
});

describe("the listen address", () => {
  for (const { text, want } of [
    { text: "0.0.0.0:2377", want: { host: "0.0.0.0", port: 2377 } },
    { text: "eth0", want: { host: "10.0.0.1", port: 2377 } },
    { text: "v6:99", want: { host: "fd00::2", port: 99 } },
    { text: "[::]:99", want: { host: "::", port: 99 } },
  ]) {
    test(`"${text}" is understood`, () => assert.deepEqual(resolveListenAddr(text, INTERFACES), want));
  }

  const BAD = "listen address must be an IP address or network interface (with optional port number)";
  for (const { text, message } of [
    { text: "", message: 'invalid ListenAddr "": invalid empty address' },
    { text: "10.0.0.1:none", message: "could not parse listen address 10.0.0.1:none" },
    { text: "nowhere", message: BAD },
    { text: "two", message: "interface two has more than one IPv4 address (10.0.1.1 and 10.0.1.2)" },
    { text: "bare", message: "interface bare has no usable IPv4 or IPv6 address" },
  ]) {
    test(`"${text}" is refused`, () => assert.throws(() => resolveListenAddr(text, INTERFACES), refused(message)));
  }
});

describe("the address to advertise", () => {
  const options = (more: Partial<AdvertiseOptions>): AdvertiseOptions => ({
    requested: "",
    fallback: "",
    listen: { host: "0.0.0.0", port: 2377 },
    interfaces: { lo: INTERFACES["lo"] ?? [], eth0: INTERFACES["eth0"] ?? [], docker0: INTERFACES["docker0"] ?? [] },
    engineSubnets: ["172.17.0.0/16"],
    ...more,
  });

  const only = (interfaces: Interfaces) => ({ interfaces });
  for (const { name, more, want } of [
    { name: "as requested", more: { requested: "10.9.9.9:1" }, want: "10.9.9.9:1" },
    {
      name: "of the requested interface, at the port of the listener",
      more: { requested: "eth0" },
      want: "10.0.0.1:2377",
    },
    { name: "of the daemon's default", more: { fallback: "eth0" }, want: "10.0.0.1:2377" },
    { name: "at which it listens", more: { listen: { host: "10.7.7.7", port: 5 } }, want: "10.7.7.7:5" },
    { name: "that is the host's only one", more: {}, want: "10.0.0.1:2377" },
    {
      name: "that is the host's only one, IPv6",
      more: only({ v6: [ip("fd00::2"), ip("fe80::2")] }),
      want: "[fd00::2]:2377",
    },
  ]) {
    test(`is the one ${name}`, () => assert.equal(renderHostPort(resolveAdvertiseAddr(options(more))), want));
  }

  const kind = "address must be a non-zero IP address or network interface";
  const none = "could not find the system's IP address";
  for (const { name, more, message } of [
    { name: "0.0.0.0", more: { requested: "0.0.0.0" }, message: `advertise ${kind} (with optional port number)` },
    { name: "a bad port", more: { requested: "10.0.0.1:x" }, message: `advertise ${kind} (with optional port number)` },
    {
      name: "a default with a port",
      more: { fallback: "eth0:1" },
      message: `default advertise ${kind} (without a port number)`,
    },
    { name: "a host without an address", more: only({ lo: [ip("127.0.0.1", true)] }), message: none },
    { name: "a host with a link-local address only", more: only({ eth0: [ip("169.254.0.1")] }), message: none },
    {
      name: "a host with two networks",
      more: only({ eth0: [ip("10.0.0.1")], eth1: [ip("10.1.0.1")] }),
      message:
        "could not choose an IP address to advertise since this system has multiple addresses on different interfaces (10.0.0.1 on eth0 and 10.1.0.1 on eth1)",
    },
    {
      name: "an interface with two addresses",
      more: only({ eth0: [ip("10.0.0.1"), ip("10.0.0.2")] }),
      message:
        "could not choose an IP address to advertise since this system has multiple addresses on interface eth0 (10.0.0.1 and 10.0.0.2)",
    },
  ]) {
    test(`cannot be told from ${name}`, () =>
      assert.throws(() => resolveAdvertiseAddr(options(more)), refused(message)));
  }
});

describe("the address for container traffic", () => {
  test("need not be given, and takes no port", () => {
    assert.equal(resolveDataPathAddr("", INTERFACES), "");
    assert.equal(resolveDataPathAddr("eth0", INTERFACES), "10.0.0.1");
    assert.throws(() => resolveDataPathAddr("10.0.0.1:1", INTERFACES), refused(/^data path address must be/));
  });

  test("has a port in Docker's range", () => {
    for (const port of [0, 1024, 49_151]) validateDataPathPort(port);
    for (const port of [1, 1023, 49_152]) {
      assert.throws(
        () => validateDataPathPort(port),
        refused(`Datapath port number is not in valid range (1024-49151) : ${port}`),
      );
    }
  });
});

describe("address pools", () => {
  for (const { pools, size, message } of [
    { pools: [], size: 0, message: undefined },
    { pools: ["10.0.0.0/8", "192.168.0.0/16"], size: 24, message: undefined },
    { pools: ["10.0.0.0/24"], size: 0, message: undefined },
    { pools: [], size: 30, message: "subnet size is out of range: 30" },
    { pools: ["10.0.0.0"], size: 0, message: "invalid CIDR address: 10.0.0.0" },
    { pools: ["h1/8"], size: 0, message: "invalid CIDR address: h1/8" },
    { pools: ["10.0.0.0/33"], size: 0, message: "invalid CIDR address: 10.0.0.0/33" },
    {
      pools: ["10.0.0.0/25"],
      size: 24,
      message: 'invalid CIDR: "10.0.0.0/25". Subnet size is too small for pool: 24',
    },
  ]) {
    test(`${pools.join(", ") || "none"} in subnets of /${size}: ${message ?? "fine"}`, () => {
      const validate = () => validateAddressPools(pools, size);
      if (message === undefined) validate();
      else assert.throws(validate, refused(message));
    });
  }
});
