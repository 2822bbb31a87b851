import assert from "node:assert/strict";
import { test } from "node:test";
import { guestPorts } from "./guests.ts";
import { NetworkState } from "./network-state.ts";
import { app, endpoint, H1, mesh, service, web } from "./testing/objects.ts";

const lonely = service("lonely", { app: undefined }, [endpoint("lonely.1", H1, { app: "10.0.1.21" })]);

const state = new NetworkState();
state.reset([mesh, app, web, lonely]);

const onApp = { index: 7, device: "veth7", bridge: "fl-br4097" };
const onMesh = { index: 8, device: "veth8", bridge: "fl-br4096" };
const web1 = state.localTask("web.1");

test("a container may send from all of its addresses, at its own ports", () => {
  assert.ok(web1);
  assert.deepEqual(
    guestPorts(
      state,
      [onApp, onMesh],
      new Map([
        [7, web1],
        [8, web1],
      ]),
    ),
    [
      { device: "veth7", addresses: ["10.0.1.11"], others: ["10.0.0.11"] },
      { device: "veth8", addresses: ["10.0.0.11"], others: ["10.0.1.11"] },
    ],
  );
});

test("at a port of nobody known any container of this host may that has no other port there", () => {
  assert.ok(web1);
  const unknown = { index: 9, device: "veth9", bridge: "fl-br4097" };
  assert.deepEqual(guestPorts(state, [onApp, unknown], new Map([[7, web1]])), [
    { device: "veth7", addresses: ["10.0.1.11"], others: ["10.0.0.11"] },
    { device: "veth9", addresses: ["10.0.1.21"], others: [] },
  ]);
});

test("at a port that nobody can have nobody may send", () => {
  assert.ok(web1);
  const unknown = { index: 9, device: "veth9", bridge: "fl-br4096" };
  assert.deepEqual(guestPorts(state, [onMesh, unknown], new Map([[8, web1]])), [
    { device: "veth8", addresses: ["10.0.0.11"], others: ["10.0.1.11"] },
    { device: "veth9", addresses: [], others: [] },
  ]);
});
