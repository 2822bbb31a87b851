import assert from "node:assert/strict";
import { test } from "node:test";
import type { Task } from "#model/objects.ts";
import type { GenericResource, NodeAvailability, Platform, PortConfig, TaskSpec } from "#model/spec.ts";
import { type FilterRow, other, testFilter } from "./filter-table.ts";
import * as filters from "./filters.ts";
import { pluginFilter } from "./plugin-filter.ts";
import { placed, serviceOf } from "./testing.ts";

testFilter(filters.readyFilter, [
  { name: "a ready, active node", want: true },
  ...(["unknown", "down", "disconnected"] as const).map(
    (state): FilterRow => ({
      name: `a node that is ${state}`,
      node: { status: { state, addr: "", since: 0 } },
      want: false,
    }),
  ),
  ...(["pause", "drain"] satisfies readonly NodeAvailability[]).map(
    (Availability): FilterRow => ({
      name: `a node with availability ${Availability}`,
      node: { spec: { Labels: {}, Role: "worker", Availability } },
      want: false,
    }),
  ),
]);

const gpu = (Value: string): GenericResource => ({ NamedResourceSpec: { Kind: "gpu", Value } });
const gpus = (Value: number): Partial<TaskSpec> => ({
  Resources: { Reservations: { GenericResources: [{ DiscreteResourceSpec: { Kind: "gpu", Value } }] } },
});
const cpus = (count: number): Partial<TaskSpec> => ({ Resources: { Reservations: { NanoCPUs: count * 1e9 } } });
const memory = (MemoryBytes: number): Partial<TaskSpec> => ({ Resources: { Reservations: { MemoryBytes } } });
const TWO_GPUS = { generic: [gpu("a"), gpu("b")] };

testFilter(filters.resourceFilter, [
  { name: "no reservations", want: undefined },
  { name: "limits only", spec: { Resources: { Limits: { NanoCPUs: 9e9 } } }, want: undefined },
  { name: "reservations of nothing", spec: cpus(0), want: undefined },
  { name: "enough CPUs", spec: cpus(2), host: { cpus: 2 }, want: true },
  { name: "too few CPUs", spec: cpus(2), host: { cpus: 1 }, want: false },
  { name: "CPUs that another task reserves", spec: cpus(2), host: { cpus: 3 }, others: [other(cpus(2))], want: false },
  { name: "CPUs beside those of containers", spec: cpus(2), host: { cpus: 3, reservedCpus: 1 }, want: true },
  { name: "CPUs that containers reserve", spec: cpus(2), host: { cpus: 3, reservedCpus: 2 }, want: false },
  {
    name: "memory that a task on its way out still holds",
    spec: memory(10),
    host: { memory: 15 },
    others: [other(memory(10), { desired: "shutdown" })],
    want: false,
  },
  { name: "enough named units", spec: gpus(2), host: TWO_GPUS, want: true },
  {
    name: "named units that are taken",
    spec: gpus(2),
    host: TWO_GPUS,
    others: [other(gpus(1), { genericResources: [gpu("b")] })],
    want: false,
  },
]);

const constraints = (...Constraints: readonly string[]): Partial<TaskSpec> => ({ Placement: { Constraints } });

testFilter(filters.constraintFilter, [
  { name: "no constraints", spec: constraints(), want: undefined },
  { name: "a met constraint", spec: constraints("node.role==worker"), want: true },
  { name: "an unmet constraint", spec: constraints("node.role==worker", "node.id!=n1"), want: false },
  { name: "a malformed constraint", spec: constraints("x"), want: false },
]);

const platforms = (...Platforms: readonly Platform[]): Partial<TaskSpec> => ({ Placement: { Platforms } });

testFilter(filters.platformFilter, [
  { name: "no platforms", spec: platforms(), want: undefined },
  { name: "the node's platform", spec: platforms({ Architecture: "x86_64", OS: "linux" }), want: true },
  { name: "the same by its other name", spec: platforms({ Architecture: "amd64", OS: "linux" }), want: true },
  {
    name: "aarch64 for arm64",
    spec: platforms({ Architecture: "arm64", OS: "linux" }),
    host: { platform: { Architecture: "aarch64", OS: "linux" } },
    want: true,
  },
  { name: "another architecture", spec: platforms({ Architecture: "arm64", OS: "linux" }), want: false },
  { name: "another system", spec: platforms({ Architecture: "amd64", OS: "windows" }), want: false },
  { name: "any architecture", spec: platforms({ OS: "linux" }), want: true },
  { name: "any system", spec: platforms({ Architecture: "amd64", OS: "" }), want: true },
  { name: "one of several", spec: platforms({ OS: "windows" }, { OS: "linux" }), want: true },
]);

const publish = (PublishedPort: number, port: Partial<PortConfig> = {}): Partial<Task> => ({
  endpoint: { ports: [{ Protocol: "tcp", TargetPort: 80, PublishedPort, PublishMode: "host", ...port }] },
});

testFilter(filters.hostPortFilter, [
  { name: "no ports", want: undefined },
  { name: "an ingress port", task: publish(80, { PublishMode: "ingress" }), want: undefined },
  { name: "a port that the engine chooses", task: publish(0), want: undefined },
  { name: "a free port", task: publish(80), others: [other({}, publish(81))], want: true },
  { name: "a taken port", task: publish(80), others: [other({}, publish(80))], want: false },
  { name: "another protocol", task: publish(80), others: [other({}, publish(80, { Protocol: "udp" }))], want: true },
]);

const most = (MaxReplicas: number): Partial<TaskSpec> => ({ Placement: { MaxReplicas } });
const replica = (overrides: Partial<Task> = {}): Task => placed(serviceOf("web"), "web1", "n1", overrides);

testFilter(filters.maxReplicasFilter, [
  { name: "no limit", spec: most(0), want: undefined },
  { name: "fewer replicas than the limit", spec: most(2), others: [replica()], want: true },
  { name: "as many replicas as the limit", spec: most(1), others: [replica()], want: false },
  { name: "a replica that is to end", spec: most(1), others: [replica({ desired: "shutdown" })], want: true },
  { name: "replicas of other services", spec: most(1), others: [other({})], want: true },
]);

for (const [filter, one, several] of [
  [filters.readyFilter, "1 node not available for new tasks", "2 nodes not available for new tasks"],
  [filters.resourceFilter, "insufficient resources on 1 node", "insufficient resources on 2 nodes"],
  [pluginFilter, "missing plugin on 1 node", "missing plugin on 2 nodes"],
  [
    filters.constraintFilter,
    "scheduling constraints not satisfied on 1 node",
    "scheduling constraints not satisfied on 2 nodes",
  ],
  [filters.platformFilter, "unsupported platform on 1 node", "unsupported platform on 2 nodes"],
  [filters.hostPortFilter, "host-mode port already in use on 1 node", "host-mode port already in use on 2 nodes"],
  [filters.maxReplicasFilter, "max replicas per node limit exceed", "max replicas per node limit exceed"],
] as const) {
  test(`the ${filter.name} filter explains itself in Docker's words`, () => {
    assert.deepEqual([filter.explain(1), filter.explain(2)], [one, several]);
  });
}
