import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { StoreObject, Task } from "#model/objects.ts";
import type { TaskState } from "#model/task-state.ts";
import { ArrayView } from "#plan/testing/array-view.ts";
import { node } from "#plan/testing/builders.ts";
import { attachedTask, meshPort, network, nodeOn, serviceOn, taskOn } from "#plan/testing/networks.ts";
import { serviceOnNetworks, servicesOn } from "./node-service.ts";

const INGRESS = network("ingress", 0, { Ingress: true });
const APP = network("app", 1);
const N1 = nodeOn("n1", 1, { app: "10.0.1.2", ingress: "10.0.0.2" });
const N2 = nodeOn("n2", 2, { app: "10.0.1.3" });
const WEB = serviceOn(
  "web",
  { app: ["www"] },
  {
    endpoint: {
      ports: [meshPort(8080, 80), { ...meshPort(9000, 90), PublishMode: "host" }, { ...meshPort(0, 81) }],
      virtualIPs: [
        { networkId: "ingress", address: "10.0.0.9" },
        { networkId: "app", address: "10.0.1.9" },
      ],
    },
  },
);
const T1 = taskOn(WEB, "t1", { ingress: "10.0.0.10", app: "10.0.1.10" });

const seen = (...objects: StoreObject[]) => serviceOnNetworks(new ArrayView([INGRESS, APP, N1, N2, ...objects]), "web");
const servingOf = (...objects: StoreObject[]) => seen(...objects)?.endpoints.map(({ serving }) => serving);

test("a service is told with its networks, its ports of the mesh and its endpoints", () => {
  assert.deepEqual(seen(WEB, T1), {
    kind: "node-service",
    id: "web",
    name: "web",
    networks: [
      { networkId: "ingress", virtualIP: "10.0.0.9", aliases: [] },
      { networkId: "app", virtualIP: "10.0.1.9", aliases: ["www"] },
    ],
    ports: [{ protocol: "tcp", published: 8080, target: 80 }],
    endpoints: [
      {
        taskId: "t1",
        name: "web.1.t1",
        nodeId: "n1",
        host: "10.1.0.1",
        addresses: { ingress: "10.0.0.10", app: "10.0.1.10" },
        serving: true,
      },
    ],
  });
});

test("a service without networks is nobody's business, nor is one whose networks are not allocated", () => {
  const { allocation: _, ...unallocated } = APP;
  assert.equal(seen(serviceOn("web", {})), undefined);
  assert.equal(serviceOnNetworks(new ArrayView([unallocated, serviceOn("web", { app: [] })]), "web"), undefined);
  assert.equal(seen(), undefined);
});

test("with endpoint mode dnsrr there is no virtual IP", () => {
  assert.deepEqual(seen(serviceOn("web", { app: [] }, { endpoint: {} }))?.networks, [
    { networkId: "app", aliases: [] },
  ]);
});

test("a network that a service has left stays while a task of it is there, without a virtual IP", () => {
  const moved = serviceOn("web", {}, { endpoint: {} });
  assert.deepEqual(
    seen(moved, T1)?.networks.map(({ networkId }) => networkId),
    ["ingress", "app"],
  );
  assert.equal(seen(moved, { ...T1, status: { ...T1.status, state: "failed" } }), undefined);
});

test("what is left of a removed service is its endpoints, which serve no more", () => {
  const left = seen({ ...T1, desired: "remove" });
  assert.deepEqual(
    [left?.name, left?.networks.map(({ virtualIP, aliases }) => [virtualIP, aliases]), left?.ports],
    [
      "web",
      [
        [undefined, []],
        [undefined, []],
      ],
      [],
    ],
  );
  assert.deepEqual(
    left?.endpoints.map(({ serving }) => serving),
    [false],
  );
});

describe("an endpoint", () => {
  const states: readonly { readonly state: TaskState; readonly want: boolean[] }[] = [
    { state: "new", want: [] },
    { state: "pending", want: [] },
    { state: "assigned", want: [false] },
    { state: "starting", want: [false] },
    { state: "running", want: [true] },
    { state: "complete", want: [] },
    { state: "failed", want: [] },
    { state: "rejected", want: [] },
    { state: "orphaned", want: [] },
  ];
  for (const { state, want } of states) {
    test(`of a task that is ${state}: ${want.join() || "none"}`, () => {
      assert.deepEqual(servingOf(WEB, { ...T1, status: { ...T1.status, state } }), want);
    });
  }

  const cases: readonly { readonly name: string; readonly objects: StoreObject[]; readonly want: boolean[] }[] = [
    { name: "is to stop: it no longer serves", objects: [{ ...T1, desired: "shutdown" }], want: [false] },
    { name: "is to be removed: it no longer serves", objects: [{ ...T1, desired: "remove" }], want: [false] },
    { name: "is a job's: it serves", objects: [{ ...T1, desired: "complete" }], want: [true] },
    { name: "is on a node that is down: it does not serve", objects: [T1, withState("down")], want: [false] },
    {
      name: "is on a node that has lost its manager: it serves",
      objects: [T1, withState("disconnected")],
      want: [true],
    },
    { name: "is on a node that a new manager waits for: it serves", objects: [T1, withState("unknown")], want: [true] },
    { name: "is on a removed node: none", objects: [{ ...T1, nodeId: "gone" }], want: [] },
    { name: "has no address: none", objects: [without(T1, "networks")], want: [] },
  ];
  for (const { name, objects, want } of cases) {
    test(`of a task that ${name}`, () => assert.deepEqual(servingOf(WEB, ...objects), want));
  }

  function withState(state: "down" | "disconnected" | "unknown"): StoreObject {
    return node("n1", { ...N1, status: { ...N1.status, state } });
  }

  test("has the hostname that its container has", () => {
    const named = (Hostname: string): Task => ({
      ...T1,
      spec: { ...T1.spec, ContainerSpec: { Image: "nginx:1", Hostname } },
    });
    const hostname = (task: Task) => seen(WEB, task)?.endpoints[0]?.hostname;
    assert.equal(hostname(named("db")), "db");
    assert.equal(hostname(named("{{.Service.Name}}-{{.Task.Slot}}")), "web-1");
    assert.equal(hostname(named("{{.Nonsense")), undefined);
    assert.equal(hostname(T1), undefined);
  });
});

test("an attached container is told under its own name and aliases", () => {
  const view = new ArrayView([APP, N1, attachedTask("t9", "tool", { app: "10.0.1.20" })]);
  const told = serviceOnNetworks(view, "t9");
  assert.deepEqual(
    [told?.id, told?.name, told?.networks, told?.ports, told?.endpoints.map(({ name, serving }) => [name, serving])],
    ["t9", "tool", [{ networkId: "app", aliases: ["tool-alias"] }], [], [["tool", true]]],
  );
});

test("services are on a network by their spec, by their tasks, or by their ports", () => {
  const byTask = serviceOn("old", {});
  const view = new ArrayView([
    INGRESS,
    APP,
    N1,
    WEB,
    serviceOn("api", { app: [] }),
    byTask,
    taskOn(byTask, "t2", { app: "10.0.1.11" }),
    attachedTask("t9", "tool", { app: "10.0.1.20" }),
    serviceOn("elsewhere", { other: [] }),
  ]);
  assert.deepEqual([...servicesOn(view, "app")].sort(), ["api", "old", "t9", "web"]);
  assert.deepEqual([...servicesOn(view, "ingress")], ["web"]);
});

function without<T extends object, K extends keyof T>(object: T, key: K): Omit<T, K> & StoreObject {
  const { [key]: _, ...rest } = object;
  return rest as Omit<T, K> & StoreObject;
}
