import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "#model/objects.ts";
import { ArrayView } from "#plan/testing/array-view.ts";
import { cluster, node } from "#plan/testing/builders.ts";
import { network, nodeOn } from "#plan/testing/networks.ts";
import { networkMembers, nodeNetwork } from "./node-network.ts";

const APP = network("app", 1);
const N1 = nodeOn("n1", 1, { app: "10.0.1.2" });
const N2 = nodeOn("n2", 2, { app: "10.0.1.3", other: "10.0.2.2" });

const seenBy = (view: ArrayView, nodeId: string, id = "app") => {
  const members = networkMembers(view, id);
  return members && nodeNetwork(members, nodeId);
};

test("a node is told of its network, its own address there, and who else is on it", () => {
  const view = new ArrayView([cluster(), APP, N2, N1, nodeOn("n3", 3, {})]);
  assert.deepEqual(seenBy(view, "n1"), {
    kind: "node-network",
    id: "app",
    name: "app",
    internal: false,
    ingress: false,
    attachable: false,
    subnet: "10.0.1.0/24",
    vni: 4_097,
    mtu: 1_450,
    dataPathPort: 4_789,
    address: "10.0.1.2",
    host: "10.1.0.1",
    peers: [{ nodeId: "n2", host: "10.1.0.2", address: "10.0.1.3" }],
  });
});

test("the network's options are the node's", () => {
  const options = {
    Internal: true,
    Attachable: true,
    Ingress: true,
    Options: { "com.docker.network.driver.mtu": "9000" },
  };
  const view = new ArrayView([{ ...cluster(), dataPathPort: 4_790 }, network("app", 1, options), N1]);
  const { internal, attachable, ingress, mtu, dataPathPort, peers } = seenBy(view, "n1") ?? {};
  assert.deepEqual([internal, attachable, ingress, mtu, dataPathPort, peers], [true, true, true, 8_950, 4_790, []]);
});

test("tunnels lead to the address that a node was given for them, wherever managers see it", () => {
  const description = { ...node("n2").description, DataPathAddr: "192.168.7.2" } as Node["description"];
  const view = new ArrayView([cluster(), APP, N1, { ...N2, ...(description && { description }) }]);
  assert.equal(seenBy(view, "n1")?.peers[0]?.host, "192.168.7.2");
  assert.equal(seenBy(view, "n2")?.host, "192.168.7.2");
});

const { allocation: _, ...unallocated } = APP;
const nowhere: readonly { readonly name: string; readonly view: ArrayView; readonly nodeId?: string }[] = [
  { name: "a node that is not on it", view: new ArrayView([APP, N1, nodeOn("n3", 3, {})]), nodeId: "n3" },
  { name: "a node that was removed", view: new ArrayView([APP, N2]) },
  {
    name: "a node of which no address is known",
    view: new ArrayView([APP, { ...N1, status: { ...N1.status, addr: "" } }]),
  },
  { name: "a network that is not allocated", view: new ArrayView([unallocated, N1]) },
  { name: "a network that is gone", view: new ArrayView([N1]) },
];
for (const { name, view, nodeId = "n1" } of nowhere) {
  test(`nothing is told of it: ${name}`, () => assert.equal(seenBy(view, nodeId), undefined));
}

test("peers that are down stay: their containers may go on; removed ones and those without an address go", () => {
  const down = node("n2", { attachments: { app: "10.0.1.3" }, status: { state: "down", addr: "10.1.0.2" } });
  const mute = node("n4", { attachments: { app: "10.0.1.5" }, status: { state: "ready", addr: "" } });
  const view = new ArrayView([APP, N1, down, nodeOn("n3", 3, { app: "10.0.1.4" }), mute]);
  view.drop("node", "n3");
  assert.deepEqual(
    seenBy(view, "n1")?.peers.map(({ nodeId }) => nodeId),
    ["n2"],
  );
});
