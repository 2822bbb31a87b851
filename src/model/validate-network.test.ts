import assert from "node:assert/strict";
import { test } from "node:test";
import type { NetworkIpamConfig, NetworkSpec } from "./spec.ts";
import { validateNetworkSpec } from "./validate-network.ts";

const SPEC: NetworkSpec = { Name: "app", Labels: {}, Driver: "overlay" };
const ipam = (...Config: readonly NetworkIpamConfig[]): NetworkSpec => ({
  ...SPEC,
  IPAM: { Driver: "default", Config },
});

for (const [name, spec] of Object.entries({
  "with nothing but a name": SPEC,
  "with all that there is": {
    ...ipam({ Subnet: "10.5.0.0/16", IPRange: "10.5.4.0/24", Gateway: "10.5.0.1" }),
    Internal: true,
    Attachable: true,
    Options: { "com.docker.network.driver.mtu": "1400", unknown: "x" },
  },
  "of the mesh": { ...SPEC, Ingress: true },
})) {
  test(`a network ${name} is sound`, () => validateNetworkSpec(spec));
}

for (const { name, spec, code = "invalid", message } of [
  { name: "without a name", spec: { ...SPEC, Name: "" }, message: "meta: name must be provided" },
  { name: "with a dot", spec: { ...SPEC, Name: "a.b" }, message: "name must be valid as a DNS name component" },
  {
    name: "of the engine's own name",
    spec: { ...SPEC, Name: "host" },
    code: "forbidden",
    message: "host is a pre-defined network and cannot be created",
  },
  {
    name: "that is the mesh's and attachable",
    spec: { ...SPEC, Ingress: true, Attachable: true },
    message: "ingress network cannot be attachable",
  },
  {
    name: "with Docker's own label",
    spec: { ...SPEC, Labels: { "com.docker.swarm.predefined": "true" } },
    code: "forbidden",
    message: /^label com\.docker\.swarm\.predefined is for internally created predefined networks/,
  },
  {
    name: "of the mesh with another driver",
    spec: { ...SPEC, Ingress: true, Driver: "bridge" },
    code: "unimplemented",
    message: "only overlay driver is currently supported for ingress network",
  },
  {
    name: "of another driver",
    spec: { ...SPEC, Driver: "macvlan" },
    code: "unimplemented",
    message: /with driver macvlan: .*--scope local$/,
  },
  {
    name: "that is encrypted",
    spec: { ...SPEC, Options: { encrypted: "" } },
    code: "unimplemented",
    message: /^option encrypted: traffic between hosts is not encrypted yet/,
  },
  {
    name: "with an MTU that is none",
    spec: { ...SPEC, Options: { "com.docker.network.driver.mtu": "big" } },
    message: /mtu: big is not a number of bytes/,
  },
  { name: "with IPv6", spec: { ...SPEC, EnableIPv6: true }, code: "unimplemented", message: /IPv4 only/ },
  {
    name: "with an IPAM plugin",
    spec: { ...SPEC, IPAM: { Driver: "infoblox" } },
    code: "unimplemented",
    message: /^IPAM driver infoblox/,
  },
  { name: "without a subnet", spec: ipam({ Gateway: "10.0.0.1" }), message: "ipam configuration: invalid subnet " },
  { name: "with a bad subnet", spec: ipam({ Subnet: "10/8" }), message: "ipam configuration: invalid subnet 10/8" },
  { name: "with a tiny subnet", spec: ipam({ Subnet: "10.0.0.0/30" }), message: /is too small/ },
  { name: "with an IPv6 subnet", spec: ipam({ Subnet: "fd00::/64" }), code: "unimplemented", message: /is IPv6/ },
  {
    name: "with a range elsewhere",
    spec: ipam({ Subnet: "10.5.0.0/16", IPRange: "10.6.0.0/24" }),
    message: "ipam configuration: subnet 10.5.0.0/16 does not contain range 10.6.0.0/24",
  },
  {
    name: "with a gateway elsewhere",
    spec: ipam({ Subnet: "10.5.0.0/16", Gateway: "10.6.0.1" }),
    message: "ipam configuration: subnet 10.5.0.0/16 does not contain gateway 10.6.0.1",
  },
  {
    name: "with a gateway that is no host",
    spec: ipam({ Subnet: "10.5.0.0/16", Gateway: "10.5.255.255" }),
    message: /is not the address of a host/,
  },
  {
    name: "with two subnets",
    spec: ipam({ Subnet: "10.5.0.0/24" }, { Subnet: "10.6.0.0/24" }),
    message: /both 10\.5\.0\.0\/24 and 10\.6\.0\.0\/24 are asked for: ask for one that is as large as both$/,
  },
]) {
  test(`a network ${name} is refused`, () => assert.throws(() => validateNetworkSpec(spec), { code, message }));
}
