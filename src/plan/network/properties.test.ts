import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { StoreObject, Task } from "#model/objects.ts";
import { isWanted, TASK_STATES, type TaskState } from "#model/task-state.ts";
import { ArrayView } from "#plan/testing/array-view.ts";
import { cluster, node } from "#plan/testing/builders.ts";
import { meshPort, network, serviceOn, taskOn } from "#plan/testing/networks.ts";
import { networkMembers, nodeNetwork } from "./node-network.ts";
import { serviceOnNetworks, servicesOn } from "./node-service.ts";
import { shareOf } from "./share.ts";

const NETWORKS = ["a", "b", "ingress"];
const NODES = ["n1", "n2", "n3"];
const SERVICES = ["s1", "s2"];
const RUNS = { numRuns: 150 };

const states = fc.constantFrom(...(Object.keys(TASK_STATES) as TaskState[]));
const desires = fc.constantFrom("ready", "running", "complete", "shutdown", "remove");
const subsets = fc.subarray(NETWORKS);

const tasks = fc.record({
  service: fc.constantFrom(...SERVICES),
  nodeId: fc.constantFrom(...NODES, "gone"),
  state: states,
  desired: desires,
  on: subsets,
});
const nodes = fc.record({ state: fc.constantFrom("ready", "down", "unknown"), on: subsets });

const worlds: fc.Arbitrary<StoreObject[]> = fc
  .record({
    tasks: fc.array(tasks, { maxLength: 8 }),
    nodes: fc.tuple(nodes, nodes, nodes),
    services: fc.tuple(subsets, subsets),
  })
  .map((world) => {
    const services = world.services.map((on, index) =>
      serviceOn(SERVICES[index] ?? "", Object.fromEntries(on.filter((id) => id !== "ingress").map((id) => [id, []])), {
        endpoint: {
          ports: [meshPort(8080 + index, 80)],
          virtualIPs: on.map((networkId) => ({ networkId, address: `10.0.0.${index}` })),
        },
      }),
    );
    return [
      cluster(),
      ...NETWORKS.map((id, number) => network(id, number, { Ingress: id === "ingress" })),
      ...world.nodes.map(({ state, on }, index) =>
        node(NODES[index] ?? "", {
          attachments: Object.fromEntries(on.map((id, number) => [id, `10.0.${number}.${index + 2}`])),
          status: { state, addr: `10.1.0.${index}` },
        }),
      ),
      ...services,
      ...world.tasks.flatMap(({ service, nodeId, state, desired, on }, index) => {
        const of = services.find(({ id }) => id === service);
        const addresses = Object.fromEntries(on.map((id, number) => [id, `10.0.${number}.${100 + index}`]));
        return of === undefined ? [] : [taskOn(of, `t${index}`, addresses, { nodeId, state, desired })];
      }),
    ];
  });

/** All that a node is told. */
function told(view: ArrayView, nodeId: string) {
  const networks = NETWORKS.flatMap((id) => {
    const members = networkMembers(view, id);
    return (members && nodeNetwork(members, nodeId)) ?? [];
  });
  const shared = new Set(networks.map(({ id }) => id));
  const keys = new Set([...shared].flatMap((id) => [...servicesOn(view, id)]).sort());
  const services = [...keys].flatMap((key) => {
    const service = serviceOnNetworks(view, key);
    return (service && shareOf(service, shared, (id) => id === "ingress")) ?? [];
  });
  return { networks, services };
}

test("what nodes are told does not depend on the order of objects", () => {
  fc.assert(
    fc.property(
      worlds.chain((world) => fc.tuple(fc.constant(world), shuffled(world))),
      ([world, other]) => {
        for (const id of NODES) assert.deepEqual(told(new ArrayView(world), id), told(new ArrayView(other), id));
      },
    ),
    RUNS,
  );
});

test("what serves is a task that runs, is wanted, and is on a node that is up", () => {
  fc.assert(
    fc.property(worlds, (world) => {
      const view = new ArrayView(world);
      for (const id of NODES) {
        for (const { endpoints } of told(view, id).services) {
          for (const { taskId, nodeId, serving } of endpoints) {
            const task = view.get("task", taskId);
            const up = view.get("node", nodeId)?.status.state !== "down";
            assert.equal(serving, task?.status.state === "running" && isWanted(task.desired) && up);
          }
        }
      }
    }),
    RUNS,
  );
});

test("a node is told of no network, service, port or address that it shares no network with", () => {
  fc.assert(
    fc.property(worlds, (world) => {
      const view = new ArrayView(world);
      for (const id of NODES) {
        const own = Object.keys(view.get("node", id)?.attachments ?? {});
        const { networks, services } = told(view, id);
        assert.deepEqual(networks.map((each) => each.id).sort(), own.toSorted());
        for (const { networks: places, endpoints, ports } of services) {
          assert.ok(places.length > 0);
          for (const { networkId } of places) assert.ok(own.includes(networkId));
          for (const { addresses } of endpoints) {
            assert.ok(Object.keys(addresses).length > 0);
            for (const networkId of Object.keys(addresses)) assert.ok(own.includes(networkId));
          }
          if (!own.includes("ingress")) assert.deepEqual(ports, []);
        }
      }
    }),
    RUNS,
  );
});

test("a task that can be called on a network is known to every node of it", () => {
  fc.assert(
    fc.property(worlds, (world) => {
      const view = new ArrayView(world);
      const running = view.list("task").filter(({ status, nodeId }) => status.state === "running" && nodeId !== "gone");
      for (const task of running) for (const id of NODES) assert.ok(isKnown(view, task, id), `${task.id} on ${id}`);
    }),
    RUNS,
  );
});

function isKnown(view: ArrayView, task: Task, nodeId: string): boolean {
  const own = Object.keys(view.get("node", nodeId)?.attachments ?? {});
  if (!task.networks?.some(({ networkId }) => own.includes(networkId))) return true;
  return told(view, nodeId).services.some(({ endpoints }) => endpoints.some(({ taskId }) => taskId === task.id));
}

const shuffled = <T>(items: T[]): fc.Arbitrary<T[]> =>
  fc.shuffledSubarray(items, { minLength: items.length, maxLength: items.length });
