import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { KINDS, type Kind, type ObjectOf, type StoreObject, type Task } from "#model/objects.ts";
import { isPerNode } from "#model/service-mode.ts";
import { slotKey } from "#model/view.ts";
import { Cache } from "./cache.ts";
import { creation, deletion, replacement } from "./change.ts";
import { config, container, named, node, secret, service, task } from "./testing/samples.ts";

const IDS = ["a", "b", "c"];
const SLOTS = [0, 1, 2];
const id = fc.constantFrom(...IDS);
const taskId = fc.integer({ min: 0, max: 11 }).map(String);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const someService = fc
  .record({
    id,
    name: fc.constantFrom("x", "X", "y", "z"),
    perNode: fc.boolean(),
    secrets: fc.array(id),
    configs: fc.array(id),
    networks: fc.array(id),
  })
  .map(({ id, name, perNode, secrets, configs, networks }) => {
    const { spec } = service(id);
    const ContainerSpec = {
      Image: "nginx",
      Secrets: secrets.map((SecretID) => ({ SecretID, SecretName: SecretID })),
      Configs: configs.map((ConfigID) => ({ ConfigID, ConfigName: ConfigID })),
    };
    const Mode = perNode ? { Global: {} } : { Replicated: { Replicas: 1 } };
    const Networks = networks.map((Target) => ({ Target }));
    const TaskTemplate = { ...spec.TaskTemplate, ContainerSpec, Networks };
    return named(service(id, { spec: { ...spec, Mode, TaskTemplate } }), name);
  });

const someTask = fc
  .record({
    id: taskId,
    serviceId: maybe(id),
    nodeId: maybe(id),
    slot: fc.constantFrom(...SLOTS),
    networks: maybe(fc.subarray(IDS)),
  })
  .map(({ id, serviceId, nodeId, slot, networks }) =>
    task(id, {
      slot,
      ...(serviceId !== undefined && { serviceId }),
      ...(nodeId !== undefined && { nodeId }),
      ...(networks && { networks: networks.map((networkId) => ({ networkId, address: "10.0.0.2" })) }),
    }),
  );

const someObject: fc.Arbitrary<StoreObject> = fc.oneof(
  { weight: 6, arbitrary: someTask },
  { weight: 3, arbitrary: someService },
  fc
    .record({ id, name: fc.constantFrom("h1", "H1", "h2"), networks: fc.subarray(IDS) })
    .map(({ id, name, networks }) => ({
      ...node(id, name),
      attachments: Object.fromEntries(networks.map((network) => [network, "10.0.0.3"])),
    })),
  fc.record({ id, name: fc.constantFrom("k", "l") }).map(({ id, name }) => secret(id, name)),
  id.map((id) => config(id)),
  fc.record({ id, place: maybe(id), remnants: fc.subarray(IDS) }).map(({ id, place, remnants: other }) => {
    const { place: _, ...unplaced } = container(id);
    const own = (containerId: string) => ({ nodeId: "n", containerId: `${id}${containerId}` });
    const remnants = other.filter((one) => one !== place).map(own);
    return { ...unplaced, remnants, ...(place !== undefined && { place: own(place) }) };
  }),
);

/** Writes the object, or deletes the one that has its kind and id. */
const step = fc.record({ object: someObject, remove: fc.boolean(), check: fc.boolean() });

/** The same state as a plain list in the order of creation, which knows no index. */
class Model {
  objects: StoreObject[] = [];

  list<K extends Kind>(kind: K): ObjectOf[K][] {
    return this.objects.filter((object) => object.kind === kind) as ObjectOf[K][];
  }

  find(object: StoreObject): StoreObject | undefined {
    return this.objects.find(({ kind, id }) => kind === object.kind && id === object.id);
  }

  nameTaken(object: StoreObject): boolean {
    if (object.kind !== "service" && object.kind !== "secret" && object.kind !== "config") return false;
    return this.list(object.kind).some(
      ({ id, spec }) => id !== object.id && spec.Name.toLowerCase() === object.spec.Name.toLowerCase(),
    );
  }

  put(object: StoreObject): void {
    const index = this.objects.findIndex(({ kind, id }) => kind === object.kind && id === object.id);
    if (index < 0) this.objects.push(object);
    else this.objects[index] = object;
  }

  remove(object: StoreObject): void {
    this.objects = this.objects.filter((other) => other !== object);
  }

  slotOf(owner: Task): string {
    const service = this.list("service").find(({ id }) => id === owner.serviceId);
    return slotKey(owner, service !== undefined && isPerNode(service));
  }
}

function apply(cache: Cache, model: Model, object: StoreObject, remove: boolean): void {
  const old = model.find(object);
  if ((remove && old === undefined) || (!remove && model.nameTaken(object))) return;
  const change = old === undefined ? creation(object) : remove ? deletion(old) : replacement(old, object);
  cache.apply({ revision: cache.revision + 1, changes: [change] });
  if (remove && old) model.remove(old);
  else model.put(object);
}

/** Every answer of the cache is what a scan of all objects gives: the same objects in the same order. */
function compare(cache: Cache, model: Model): void {
  const same = (got: Iterable<StoreObject>, want: readonly StoreObject[]) => {
    const list = [...got];
    assert.deepEqual(
      list.map(({ id }) => id),
      want.map(({ id }) => id),
    );
    assert.ok(
      list.every((object, index) => object === want[index]),
      "another object than the stored one",
    );
  };
  const tasks = model.list("task");
  const services = model.list("service");
  for (const kind of KINDS) {
    same(cache.list(kind), model.list(kind));
    assert.equal(cache.count(kind), model.list(kind).length);
  }
  for (const name of ["x", "Y", "z"]) {
    assert.equal(
      cache.byName("service", name),
      services.find(({ spec }) => spec.Name.toLowerCase() === name.toLowerCase()),
    );
  }
  for (const name of ["h1", "H2"]) {
    const wanted = ({ description }: ObjectOf["node"]) => description?.Hostname.toLowerCase() === name.toLowerCase();
    same(cache.nodesByHostname(name), model.list("node").filter(wanted));
  }
  for (const key of IDS) {
    const own = tasks.filter(({ serviceId }) => serviceId === key);
    same(cache.tasksOfService(key), own);
    same(
      cache.tasksOfNode(key),
      tasks.filter(({ nodeId }) => nodeId === key),
    );
    for (const slot of [...SLOTS.map(String), ...IDS, ""]) {
      same(
        cache.tasksOfSlot(key, slot),
        own.filter((task) => model.slotOf(task) === slot),
      );
    }
    const uses = (references: readonly { SecretID?: string; ConfigID?: string }[] | undefined) =>
      references?.some(({ SecretID, ConfigID }) => (SecretID ?? ConfigID) === key) ?? false;
    same(
      cache.servicesUsing("secret", key),
      services.filter(({ spec }) => uses(spec.TaskTemplate.ContainerSpec?.Secrets)),
    );
    same(
      cache.servicesUsing("config", key),
      services.filter(({ spec }) => uses(spec.TaskTemplate.ContainerSpec?.Configs)),
    );
    same(
      cache.servicesUsing("network", key),
      services.filter(({ spec }) => spec.TaskTemplate.Networks?.some(({ Target }) => Target === key)),
    );
    same(
      cache.tasksOfNetwork(key),
      tasks.filter(({ networks }) => networks?.some(({ networkId }) => networkId === key)),
    );
    same(
      cache.nodesOfNetwork(key),
      model.list("node").filter(({ attachments }) => attachments?.[key] !== undefined),
    );
  }
  for (const engineId of IDS.flatMap((one) => IDS.map((other) => one + other))) {
    assert.equal(
      cache.movableOf(engineId),
      model
        .list("container")
        .find(({ place, remnants }) => [place, ...remnants].some((one) => one?.containerId === engineId)),
    );
  }
  const owned = new Set<string | undefined>(services.map(({ id }) => id));
  same(
    cache.tasksWithoutService(),
    tasks.filter(({ serviceId }) => !owned.has(serviceId)),
  );
}

test("every index equals a scan, whatever was committed and asked in between", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
      const cache = new Cache();
      const model = new Model();
      for (const { object, remove, check } of steps) {
        apply(cache, model, object, remove);
        if (check) compare(cache, model);
      }
      compare(cache, model);
      compare(new Cache(cache.revision, model.objects), model);
    }),
    { numRuns: 150 },
  );
});

test("names are found in any letters, and pass from one object to another within a commit", () => {
  const [web, db] = [service("1"), service("2")].map((object, index) => named(object, ["Web", "db"][index] ?? ""));
  assert.ok(web && db);
  const cache = new Cache(1, [web, db]);
  const [newWeb, newDb] = [named(web, "db"), named(db, "Web")];
  cache.apply({ revision: 2, changes: [replacement(web, newWeb), replacement(db, newDb)] });
  assert.equal(cache.byName("service", "WEB"), newDb);
  assert.equal(cache.byName("service", "DB"), newWeb);
});

test("what is returned can be iterated again", () => {
  const cache = new Cache(1, [task("1", { serviceId: "a" }), task("2", { serviceId: "a" })]);
  for (const tasks of [cache.tasksOfService("a"), cache.tasksOfSlot("a", "1"), cache.list("task")]) {
    assert.equal([...tasks].length, 2);
    assert.equal([...tasks].length, 2);
  }
});

test("a commit from the past is refused", () => {
  assert.throws(() => new Cache(5).apply({ revision: 4, changes: [] }), { code: "internal" });
});
