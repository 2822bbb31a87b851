import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeNetwork } from "#model/node-network.ts";
import { gatewayToSet, taskPlaces } from "./task-places.ts";
import { network, task } from "./testing/builders.ts";

/** A task on these networks, in this order, with addresses that end in 9. */
const placesOn = (...networks: readonly NodeNetwork[]) => {
  const places = networks.map(({ id, subnet }) => ({ networkId: id, address: subnet.replace(".0/24", ".9") }));
  return taskPlaces(task("t1", {}, { networks: places }), (wanted) => networks.find(({ id }) => id === wanted));
};

const plain = network("1", { name: "m" });
const inner = network("2", { name: "a", internal: true });
const ingress = network("3", { name: "z", ingress: true });

const ROWS = [
  { name: "none", networks: [], order: [], gateway: undefined },
  { name: "one", networks: [plain], order: ["m"], gateway: undefined },
  { name: "an internal one", networks: [inner], order: ["a"], gateway: undefined },
  {
    name: "an internal one, named to be the engine's choice",
    networks: [inner, plain],
    order: ["m", "a"],
    gateway: "10.0.1.2",
  },
  { name: "the ingress network", networks: [ingress, plain], order: ["z", "m"], gateway: "10.0.3.2" },
  { name: "all three", networks: [inner, plain, ingress], order: ["z", "m", "a"], gateway: "10.0.3.2" },
  {
    name: "several alike: the spec's first",
    networks: [network("4", { name: "y" }), plain],
    order: ["y", "m"],
    gateway: "10.0.4.2",
  },
  {
    name: "several alike, in the engine's order",
    networks: [plain, network("4", { name: "y" })],
    order: ["m", "y"],
    gateway: undefined,
  },
];

for (const { name, networks, order, gateway } of ROWS) {
  test(`default route of a task on ${name}`, () => {
    const places = placesOn(...networks);
    assert.deepEqual(
      places.map((place) => place.network),
      order,
    );
    assert.equal(gatewayToSet(places), gateway);
  });
}

test("a place names address, hardware address and who answers for names", () => {
  assert.deepEqual(placesOn(plain, inner), [
    {
      networkId: "1",
      network: "m",
      settings: { IPAMConfig: { IPv4Address: "10.0.1.9" }, MacAddress: "02:42:0a:00:01:09", GwPriority: 1 },
      nameServer: "10.0.1.2",
    },
    {
      networkId: "2",
      network: "a",
      settings: { IPAMConfig: { IPv4Address: "10.0.2.9" }, MacAddress: "02:42:0a:00:02:09" },
      nameServer: "10.0.2.2",
    },
  ]);
});

test("a task on a network that nobody has told of waits", () => {
  const places = [{ networkId: "unknown", address: "10.0.1.9" }];
  assert.throws(() => taskPlaces(task("t1", {}, { networks: places }), () => undefined), { code: "unavailable" });
});
