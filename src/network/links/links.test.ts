import assert from "node:assert/strict";
import { test } from "node:test";
import { NetworkState } from "#network/network-state.ts";
import { app, mesh, service, web } from "#network/testing/objects.ts";
import { linkCommands } from "./link-commands.ts";
import { linkDifference } from "./link-difference.ts";
import { parseLinks } from "./observed-links.ts";

const everything = (state: NetworkState) => new Map([...state.links.values()].map(({ key, value }) => [key, value]));

const BRIDGES = new Set(["fl-br4096", "fl-br4097"]);

const stateOf = (...objects: Parameters<NetworkState["reset"]>[0][]): NetworkState => {
  const state = new NetworkState();
  state.reset(objects.flatMap((all) => [...all]));
  return state;
};

const commandsFor = (state: NetworkState, held: ReadonlyMap<string, string>, bridges = BRIDGES) =>
  linkCommands(linkDifference(state.links, held, bridges, new Set([...state.links.keys(), ...held.keys()])));

test("a network and a service on an empty host", () => {
  assert.deepEqual(commandsFor(stateOf([mesh, app, web]), new Map()), {
    ip: [
      "link add fl-vx4096 type vxlan id 4096 dstport 4789 local 192.168.7.1 nolearning proxy",
      "link add fl-vx4097 type vxlan id 4097 dstport 4789 local 192.168.7.1 nolearning proxy",
      "link set dev fl-vx4096 mtu 1450 master fl-br4096 up",
      "link set dev fl-vx4097 mtu 1450 master fl-br4097 up",
      "link set dev fl-br4096 address 02:42:0a:00:00:03 up",
      "link set dev fl-br4097 address 02:42:0a:00:01:03 up",
      "addr replace 10.0.1.2/32 dev fl-br4097",
      "neigh replace 10.0.0.4 dev fl-vx4096 lladdr 02:42:0a:00:00:04 nud permanent",
      "neigh replace 10.0.1.4 dev fl-vx4097 lladdr 02:42:0a:00:01:04 nud permanent",
      "neigh replace 10.0.0.12 dev fl-vx4096 lladdr 02:42:0a:00:00:0c nud permanent",
      "neigh replace 10.0.1.12 dev fl-vx4097 lladdr 02:42:0a:00:01:0c nud permanent",
    ],
    bridge: [
      "fdb replace 02:42:0a:00:00:04 dev fl-vx4096 dst 192.168.7.2",
      "fdb replace 02:42:0a:00:01:04 dev fl-vx4097 dst 192.168.7.2",
      "fdb replace 02:42:0a:00:00:0c dev fl-vx4096 dst 192.168.7.2",
      "fdb replace 02:42:0a:00:01:0c dev fl-vx4097 dst 192.168.7.2",
    ],
  });
});

test("nothing is done on a host that has all of it", () => {
  const state = stateOf([mesh, app, web]);
  assert.deepEqual(commandsFor(state, everything(state)), { ip: [], bridge: [] });
});

test("nothing is made of a network whose bridge is missing, and nothing taken away", () => {
  const state = stateOf([app, web]);
  assert.deepEqual(commandsFor(state, new Map(), new Set()), { ip: [], bridge: [] });
  assert.deepEqual(commandsFor(state, everything(state), new Set()), { ip: [], bridge: [] });
});

test("what nobody wants goes, devices last, and what goes with them is not named", () => {
  const old = everything(stateOf([mesh, app, web]));
  assert.deepEqual(commandsFor(stateOf([mesh]), old), {
    ip: ["addr del 10.0.1.2/32 dev fl-br4097", "neigh del 10.0.0.12 dev fl-vx4096", "link del fl-vx4097"].sort(
      (a, b) => rank(a) - rank(b),
    ),
    bridge: ["fdb del 02:42:0a:00:00:0c dev fl-vx4096"],
  });
});

const rank = (command: string): number => ["neigh", "addr", "link"].findIndex((word) => command.startsWith(word));

test("a tunnel with other parameters is made anew, with all that hangs on it", () => {
  const state = stateOf([app, service("db", { app: undefined }, web.endpoints)]);
  const held = new Map(everything(state));
  held.set("tunnel fl-vx4097", "type vxlan id 4097 dstport 4790 local 192.168.7.1 nolearning proxy");
  assert.deepEqual(commandsFor(state, held), {
    ip: [
      "link del fl-vx4097",
      "link add fl-vx4097 type vxlan id 4097 dstport 4789 local 192.168.7.1 nolearning proxy",
      "link set dev fl-vx4097 mtu 1450 master fl-br4097 up",
      "neigh replace 10.0.1.4 dev fl-vx4097 lladdr 02:42:0a:00:01:04 nud permanent",
      "neigh replace 10.0.1.12 dev fl-vx4097 lladdr 02:42:0a:00:01:0c nud permanent",
    ],
    bridge: [
      "fdb replace 02:42:0a:00:01:04 dev fl-vx4097 dst 192.168.7.2",
      "fdb replace 02:42:0a:00:01:0c dev fl-vx4097 dst 192.168.7.2",
    ],
  });
});

test("what iproute2 prints is read in the same words", () => {
  const ip = [
    [
      {
        ifindex: 3,
        ifname: "fl-br4096",
        flags: ["BROADCAST", "UP"],
        mtu: 1450,
        address: "02:42:0a:00:00:03",
        addr_info: [
          { family: "inet", local: "10.0.0.3", prefixlen: 24 },
          { family: "inet", local: "10.0.0.2", prefixlen: 32 },
          { family: "inet6", local: "fe80::42", prefixlen: 64 },
        ],
      },
      {
        ifindex: 4,
        ifname: "fl-vx4096",
        flags: ["UP"],
        mtu: 1450,
        master: "fl-br4096",
        linkinfo: {
          info_kind: "vxlan",
          info_data: { id: 4096, local: "192.168.7.1", port: 4789, learning: false, proxy: true },
        },
      },
      {
        ifindex: 9,
        ifname: "veth1",
        flags: ["UP"],
        mtu: 1450,
        master: "fl-br4096",
        linkinfo: { info_kind: "veth", info_slave_data: { hairpin: true } },
      },
      { ifindex: 10, ifname: "veth2", flags: ["UP"], mtu: 1500, master: "docker0" },
    ],
    [
      { dst: "10.0.0.4", dev: "fl-vx4096", lladdr: "02:42:0a:00:00:04", state: ["PERMANENT"] },
      { dst: "172.17.0.9", dev: "docker0", lladdr: "02:42:ac:11:00:09", state: ["PERMANENT"] },
    ],
  ]
    .map((rows) => JSON.stringify(rows))
    .join("\n");
  const bridge = JSON.stringify([
    { mac: "02:42:0a:00:00:04", ifname: "fl-vx4096", dst: "192.168.7.2", flags: ["self"], state: "permanent" },
    { mac: "02:42:0a:00:00:04", ifname: "fl-vx4096", flags: [], master: "fl-br4096" },
  ]);
  const seen = parseLinks(ip, bridge);
  const { setting, ...held } = Object.groupBy(stateOf([mesh]).links.values(), ({ table }) =>
    table === "setting" ? "setting" : "held",
  );
  assert.ok(setting);
  const expected = new Map((held.held ?? []).map(({ key, value }) => [key, value]));
  expected.set("hairpin veth1", "hairpin on");
  expected.set("address 10.0.0.2/32 dev fl-br4096", "");
  assert.deepEqual(new Map(seen.held), expected);
  assert.deepEqual(seen.bridges, new Set(["fl-br4096"]));
  assert.deepEqual(seen.ports, [{ index: 9, device: "veth1", bridge: "fl-br4096" }]);
  assert.deepEqual(seen.gateways, new Set(["10.0.0.3"]));
});
