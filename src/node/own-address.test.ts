import assert from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { test } from "node:test";
import { silentLogger } from "#base/log.ts";
import { followOwnAddress } from "./own-address.ts";
import type { NodeState } from "./state-file.ts";

const { signal } = new AbortController();

const STATE: NodeState = {
  nodeId: "n1",
  clusterId: "c1",
  role: "manager",
  listenAddr: "0.0.0.0:2377",
  advertiseAddr: "10.0.0.1:2377",
  advertisesOwn: true,
  dataPathAddr: "",
  managers: [],
};

const ROWS: readonly {
  readonly name: string;
  readonly state?: Partial<NodeState>;
  readonly addresses: readonly string[];
  readonly fallback?: string;
  readonly becomes: Partial<NodeState>;
}[] = [
  { name: "it still has its address", addresses: ["10.0.0.9", "10.0.0.1"], becomes: {} },
  { name: "it has another one", addresses: ["10.0.0.2"], becomes: { advertiseAddr: "10.0.0.2:2377" } },
  {
    name: "it listened at its address only",
    state: { listenAddr: "10.0.0.1:2400" },
    addresses: ["10.0.0.2"],
    becomes: { advertiseAddr: "10.0.0.2:2377", listenAddr: "10.0.0.2:2400" },
  },
  { name: "it has several, and nobody says which", addresses: ["10.0.0.2", "10.0.0.3"], becomes: {} },
  {
    name: "it has several, and the command line says which",
    addresses: ["10.0.0.2", "10.0.0.3"],
    fallback: "10.0.0.3",
    becomes: { advertiseAddr: "10.0.0.3:2377" },
  },
  { name: "the command line names one that it has not", addresses: ["10.0.0.2"], fallback: "10.0.0.7", becomes: {} },
  {
    name: "its address never was its own",
    state: { advertisesOwn: false },
    addresses: ["10.0.0.2"],
    becomes: {},
  },
];

for (const { name, state = {}, addresses, fallback = "", becomes } of ROWS) {
  test(`the host starts: ${name}`, async () => {
    const infos = addresses.map(
      (address): NetworkInterfaceInfo => ({
        address,
        netmask: "255.255.255.0",
        family: "IPv4",
        mac: "",
        internal: false,
        cidr: `${address}/24`,
      }),
    );
    const deps = {
      log: silentLogger,
      defaultAdvertiseAddr: fallback,
      interfaces: () => ({ eth0: infos }),
      engineSubnets: async () => [],
    };
    const before = { ...STATE, ...state };
    assert.deepEqual(await followOwnAddress(deps, before, signal), { ...before, ...becomes });
  });
}
