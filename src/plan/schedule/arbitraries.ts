import fc from "fast-check";
import type { Node, Service, Task } from "#model/objects.ts";
import type { Placement, PortConfig } from "#model/spec.ts";
import { node, status } from "#plan/testing/builders.ts";
import { description, placed, serviceOf, waiting } from "./testing.ts";

/** Small numbers everywhere, so that nodes fill up, ports collide and limits are met. */
const LABEL = "node.labels.zone";
const NODE_IDS = ["n1", "n2", "n3", "n4"];

export const zone = fc.constantFrom("a", "b");

export const anyNode: fc.Arbitrary<Node> = fc
  .record({
    id: fc.constantFrom(...NODE_IDS),
    cpus: fc.integer({ min: 1, max: 6 }),
    reservedCpus: fc.constantFrom(0, 0, 1, 3),
    units: fc.integer({ min: 0, max: 2 }),
    zone,
    availability: fc.constantFrom("active", "active", "active", "drain"),
  })
  .map(({ id, cpus, reservedCpus, units, zone, availability }) => {
    const generic = ["x", "y"].slice(0, units).map((Value) => ({ NamedResourceSpec: { Kind: "gpu", Value } }));
    return node(id, { availability, labels: { zone }, description: description({ cpus, reservedCpus, generic }) });
  });

/** Services s1 to s4, of which two and two ask the same of their nodes. */
export const anyServices: fc.Arbitrary<readonly Service[]> = fc
  .array(
    fc.record({
      cpus: fc.integer({ min: 0, max: 2 }),
      units: fc.constantFrom(0, 0, 0, 1),
      constrained: fc.constantFrom(undefined, undefined, "a", "b"),
      most: fc.constantFrom(0, 0, 1, 2),
      spread: fc.boolean(),
      port: fc.constantFrom(0, 0, 0, 80, 81),
    }),
    { minLength: 2, maxLength: 2 },
  )
  .map((parts) =>
    [...parts, ...parts].map(({ cpus, units, constrained, most, spread, port }, index) => {
      const placement: Placement = {
        ...(constrained && { Constraints: [`${LABEL}==${constrained}`] }),
        ...(spread && { Preferences: [{ Spread: { SpreadDescriptor: LABEL } }] }),
        MaxReplicas: most,
      };
      const GenericResources = units > 0 ? [{ DiscreteResourceSpec: { Kind: "gpu", Value: units } }] : [];
      const Resources = { Reservations: { NanoCPUs: cpus * 1e9, GenericResources } };
      const ports: readonly PortConfig[] =
        port > 0 ? [{ Protocol: "tcp", TargetPort: 80, PublishedPort: port, PublishMode: "host" }] : [];
      return serviceOf(`s${index + 1}`, { Resources, Placement: placement }, { endpoint: { ports } });
    }),
  );

const endpointOf = ({ endpoint }: Service): Pick<Task, "endpoint"> => (endpoint === undefined ? {} : { endpoint });

export const waitingOf = (of: Service, id: string): Task => waiting(of, id, endpointOf(of));

export const runningOf = (of: Service, id: string, nodeId: string): Task =>
  placed(of, id, nodeId, { ...endpointOf(of), status: status("running") });

/** One thing that happens to a cluster. Numbers choose among what is there. */
export type Event =
  | { readonly type: "node"; readonly node: Node }
  | { readonly type: "wait"; readonly service: number; readonly count: number }
  | { readonly type: "preassign"; readonly service: number; readonly nodeId: string }
  | { readonly type: "drop node" | "drop task" | "run" | "end" | "fail" | "unwant"; readonly which: number }
  | { readonly type: "schedule" | "refuse" };

const one = <T extends string>(...types: readonly T[]) =>
  fc.record({ type: fc.constantFrom(...types), which: fc.nat(50) });

export const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ type: fc.constant("node" as const), node: anyNode }),
  fc.record({ type: fc.constant("wait" as const), service: fc.nat(3), count: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ type: fc.constant("preassign" as const), service: fc.nat(3), nodeId: fc.constantFrom(...NODE_IDS) }),
  one("drop node", "drop task", "run", "end", "fail", "unwant"),
  fc.record({ type: fc.constantFrom("schedule" as const, "schedule" as const, "refuse" as const) }),
);
