import assert from "node:assert/strict";
import { test } from "node:test";
import type { Task } from "#model/objects.ts";
import { ArrayView } from "#plan/testing/array-view.ts";
import { container, network, node, task } from "#store/testing/samples.ts";
import { givenPlace, releasePlaces } from "./given-places.ts";

/** A place on network `w`, called `wide`. */
const attachment = (id: string, nodeId: string, address: string, asked: readonly string[] = []): Task => ({
  ...task(id, { nodeId }),
  spec: { NetworkAttachmentSpec: { ContainerID: "db" }, Networks: [{ Target: "w", Addresses: asked }], ForceUpdate: 0 },
  networks: [{ networkId: "w", address }],
});

const view = new ArrayView([
  { ...node("n1"), attachments: { w: "10.0.1.1" } },
  node("n2"),
  network("w", "wide"),
  attachment("given", "n1", "10.0.1.7"),
  attachment("asked", "n1", "10.0.1.8", ["10.0.1.8"]),
  attachment("elsewhere", "n2", "10.0.1.9"),
  task("service", { nodeId: "n1", networks: [{ networkId: "w", address: "10.0.1.10" }] }),
]);

test("a place on a network of the cluster has its node's gateway, and tells what was asked for", () => {
  assert.deepEqual(givenPlace(view, "n1", "wide", "10.0.1.7"), { gateway: "10.0.1.1", isAddressWanted: false });
  assert.deepEqual(givenPlace(view, "n1", "wide", "10.0.1.8"), { gateway: "10.0.1.1", isAddressWanted: true });
});

test("an engine's own network gives none, though it may be called like one of the cluster", () => {
  assert.equal(givenPlace(view, "n1", "own", "172.20.0.2"), undefined);
  assert.equal(givenPlace(view, "n1", "WIDE", "172.20.0.2"), undefined);
  assert.equal(givenPlace(view, "n2", "wide", "172.20.0.2"), undefined);
});

test("the places of one container are taken back, and no others", () => {
  const recipe = (...addresses: string[]) => ({
    document: {},
    networks: [],
    addresses: Object.fromEntries(addresses.map((address) => ["wide", address])),
  });
  const released = (address: string) =>
    releasePlaces(view, container("k", { place: { nodeId: "n1", containerId: "c" }, recipe: recipe(address) })).map(
      (operation) => "id" in operation && operation.id,
    );
  assert.deepEqual(["10.0.1.7", "10.0.1.9", "10.0.1.10"].map(released), [["given"], [], []]);
});
