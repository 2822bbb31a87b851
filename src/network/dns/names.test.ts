import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { NetworkObject } from "#model/node-network.ts";
import { Names } from "./names.ts";
import { endpoint, network, service } from "./testing.ts";

const APP = network("app", 1);
const DATA = network("data", 2);
const CLOSED = network("closed", 3, { internal: true });
const INGRESS = network("ingress", 0, { ingress: true });
const DOTTED = network("a.app", 4);

const on = (networkId: string, virtualIP?: string, aliases: readonly string[] = []) => ({
  networkId,
  aliases,
  ...(virtualIP !== undefined && { virtualIP }),
});

const OBJECTS: readonly NetworkObject[] = [
  APP,
  DATA,
  CLOSED,
  INGRESS,
  DOTTED,
  service(
    "Web",
    [on("ingress", "10.0.0.2"), on("app", "10.0.1.2", ["www"])],
    [
      endpoint("Web.1.aaa", { ingress: "10.0.0.5", app: "10.0.1.5" }, { hostname: "first" }),
      endpoint("Web.2.bbb", { ingress: "10.0.0.6", app: "10.0.1.6" }),
      endpoint("Web.3.ccc", { ingress: "10.0.0.7", app: "10.0.1.7" }, { serving: false }),
    ],
    { ports: [{ protocol: "tcp", published: 8080, target: 80 }] },
  ),
  service(
    "db",
    [on("app", undefined, ["store"]), on("data", undefined, ["sql"])],
    [
      endpoint("db.1.ddd", { app: "10.0.1.11", data: "10.0.2.11" }),
      endpoint("db.2.eee", { app: "10.0.1.12", data: "10.0.2.12" }),
    ],
  ),
  service("cache", [on("data", "10.0.2.2", ["www"])], [endpoint("cache.1.fff", { data: "10.0.2.20" })]),
  service("cache-two", [on("data", "10.0.2.3", ["www"])], [endpoint("cache-two.1.ggg", { data: "10.0.2.21" })]),
  service("idle", [on("app", "10.0.1.3")], []),
  service("down", [on("app")], [endpoint("down.1.hhh", { app: "10.0.1.30" }, { serving: false })]),
  service("down-here", [on("app", undefined, ["sql"])], []),
  service("hidden", [on("closed", "10.0.3.2")], [endpoint("hidden.1.iii", { closed: "10.0.3.10" })]),
  service("own", [on("app", "10.0.1.4")], [endpoint("own.1.jjj", { app: "10.0.1.40" }, { hostname: "own" })]),
  service("api.v2", [on("app", "10.0.1.8")], [endpoint("api.v2.1.kkk", { app: "10.0.1.41" })]),
  service("x", [on("a.app", "10.0.4.2")], [endpoint("x.1.lll", { "a.app": "10.0.4.5", app: "10.0.1.42" })]),
  service("tool", [on("app", undefined, ["helper"])], [endpoint("tool", { app: "10.0.1.50" })], { id: "task-tool" }),
];

function namesOf(objects: Iterable<NetworkObject>): Names {
  const names = new Names();
  for (const object of objects) names.update(object);
  return names;
}

const lookUp = (names: Names, networkId: string, asker: string, name: string) => {
  const scope = names.scope(networkId, asker);
  assert.ok(scope, `${asker} may ask on ${networkId}`);
  return names.addresses(scope, name);
};

/** `from` asks on the network that its address is on. */
const ROWS: readonly {
  readonly what: string;
  readonly on: string;
  readonly from: string;
  readonly name: string;
  readonly want: readonly string[] | undefined;
}[] = [
  { what: "a service: its virtual address", on: "app", from: "10.0.1.11", name: "web", want: ["10.0.1.2"] },
  { what: "case does not matter", on: "app", from: "10.0.1.11", name: "WEB", want: ["10.0.1.2"] },
  { what: "an alias", on: "app", from: "10.0.1.5", name: "www", want: ["10.0.1.2"] },
  {
    what: "tasks. of a service: those that serve",
    on: "app",
    from: "10.0.1.5",
    name: "tasks.web",
    want: ["10.0.1.5", "10.0.1.6"],
  },
  { what: "tasks. of an alias", on: "app", from: "10.0.1.5", name: "tasks.WWW", want: ["10.0.1.5", "10.0.1.6"] },
  { what: "a task", on: "app", from: "10.0.1.11", name: "web.2.bbb", want: ["10.0.1.6"] },
  { what: "a task that does not serve", on: "app", from: "10.0.1.11", name: "web.3.ccc", want: [] },
  { what: "a hostname", on: "app", from: "10.0.1.11", name: "first", want: ["10.0.1.5"] },
  {
    what: "without a virtual address: the tasks",
    on: "app",
    from: "10.0.1.5",
    name: "db",
    want: ["10.0.1.11", "10.0.1.12"],
  },
  { what: "the same, by an alias", on: "app", from: "10.0.1.5", name: "store", want: ["10.0.1.11", "10.0.1.12"] },
  {
    what: "the network asked on is no other than the rest",
    on: "data",
    from: "10.0.2.11",
    name: "db",
    want: ["10.0.1.11", "10.0.1.12"],
  },
  { what: "a name with its network", on: "app", from: "10.0.1.11", name: "db.Data", want: ["10.0.2.11", "10.0.2.12"] },
  {
    what: "tasks. with its network",
    on: "app",
    from: "10.0.1.11",
    name: "tasks.db.data",
    want: ["10.0.2.11", "10.0.2.12"],
  },
  { what: "a task with its network", on: "app", from: "10.0.1.11", name: "web.1.aaa.app", want: ["10.0.1.5"] },
  { what: "the name of another network is none", on: "app", from: "10.0.1.5", name: "db.data", want: undefined },
  { what: "names of other networks are unknown", on: "app", from: "10.0.1.5", name: "cache", want: undefined },
  { what: "the first of the asker's networks answers", on: "app", from: "10.0.1.11", name: "www", want: ["10.0.1.2"] },
  { what: "an alias of one network on another", on: "data", from: "10.0.2.20", name: "store", want: undefined },
  {
    what: "an alias of two services: both",
    on: "data",
    from: "10.0.2.20",
    name: "www",
    want: ["10.0.2.2", "10.0.2.3"],
  },
  {
    what: "a service without tasks keeps its virtual address",
    on: "app",
    from: "10.0.1.5",
    name: "idle",
    want: ["10.0.1.3"],
  },
  { what: "tasks. of a service without tasks", on: "app", from: "10.0.1.5", name: "tasks.idle", want: [] },
  { what: "no virtual address and no task that serves", on: "app", from: "10.0.1.5", name: "down", want: [] },
  {
    what: "a network without addresses yields to the next",
    on: "app",
    from: "10.0.1.11",
    name: "sql",
    want: ["10.0.2.11", "10.0.2.12"],
  },
  {
    what: "a hostname does not bypass the virtual address",
    on: "app",
    from: "10.0.1.5",
    name: "own",
    want: ["10.0.1.4"],
  },
  { what: "a dot in a service's name", on: "app", from: "10.0.1.5", name: "api.v2", want: ["10.0.1.8"] },
  { what: "a dot in a network's name", on: "a.app", from: "10.0.4.5", name: "x.a.app", want: ["10.0.4.2"] },
  { what: "an attached container", on: "app", from: "10.0.1.5", name: "tool", want: ["10.0.1.50"] },
  { what: "an attached container by its alias", on: "app", from: "10.0.1.5", name: "helper", want: ["10.0.1.50"] },
  { what: "an attached container asks", on: "app", from: "10.0.1.50", name: "web", want: ["10.0.1.2"] },
  { what: "a container that does not serve asks", on: "app", from: "10.0.1.7", name: "web", want: ["10.0.1.2"] },
  {
    what: "a container asks on the mesh's network",
    on: "ingress",
    from: "10.0.0.5",
    name: "db",
    want: ["10.0.1.11", "10.0.1.12"],
  },
  { what: "the host asks on a network", on: "data", from: "10.0.2.1", name: "cache", want: ["10.0.2.2"] },
  { what: "the host sees that network only", on: "data", from: "10.0.2.1", name: "web", want: undefined },
  { what: "the mesh's network has no names", on: "ingress", from: "10.0.0.1", name: "web", want: undefined },
  {
    what: "who asks elsewhere is known by its own network",
    on: "data",
    from: "10.0.1.5",
    name: "cache",
    want: undefined,
  },
  { what: "an unknown name", on: "app", from: "10.0.1.5", name: "example.com", want: undefined },
  { what: "the root", on: "app", from: "10.0.1.5", name: ".", want: undefined },
  { what: "the bare name of a network", on: "app", from: "10.0.1.5", name: "app", want: undefined },
  { what: "nothing before a network", on: "app", from: "10.0.1.5", name: ".app", want: undefined },
];

for (const row of ROWS) {
  test(`${row.what}: ${row.from} asks for ${row.name}`, () => {
    assert.deepEqual(lookUp(namesOf(OBJECTS), row.on, row.from, row.name), row.want);
  });
}

test("who is on no network of ours, and not near one, may not ask", () => {
  const names = namesOf(OBJECTS);
  assert.equal(names.scope("app", "172.17.0.2"), undefined);
  assert.equal(names.scope("app", "8.8.8.8"), undefined);
  assert.equal(names.scope("gone", "10.0.9.4"), undefined);
});

test("containers on internal networks only have no business outside", () => {
  const names = namesOf(OBJECTS);
  assert.equal(names.scope("closed", "10.0.3.10")?.outside, false);
  assert.equal(names.scope("app", "10.0.1.5")?.outside, true);
  assert.equal(names.scope("ingress", "10.0.0.9")?.outside, true);
});

for (const { address, want } of [
  { address: "10.0.1.6", want: "Web.2.bbb.app" },
  { address: "10.0.1.2", want: "Web.app" },
  { address: "10.0.1.50", want: "tool.app" },
  { address: "10.0.1.7", want: undefined },
  { address: "10.0.1.99", want: undefined },
  { address: "10.0.2.20", want: undefined },
  { address: "10.0.0.5", want: undefined },
]) {
  test(`the name of ${address} is ${want}`, () => {
    const names = namesOf(OBJECTS);
    const scope = names.scope("app", "10.0.1.5");
    assert.ok(scope);
    assert.equal(names.nameOf(scope, address), want);
  });
}

test("targets are the tasks that serve a published port", () => {
  const names = namesOf(OBJECTS);
  const scope = names.scope("app", "10.0.1.11");
  assert.ok(scope);
  const targets = [
    { name: "Web.1.aaa.app", port: 80, address: "10.0.1.5" },
    { name: "Web.2.bbb.app", port: 80, address: "10.0.1.6" },
  ];
  assert.deepEqual(names.targets(scope, "web", "tcp", 80), targets);
  assert.deepEqual(names.targets(scope, "web.app", "tcp", 80), targets);
  assert.deepEqual(names.targets(scope, "web.2.bbb", "tcp", 80), targets.slice(1));
  assert.deepEqual(names.targets(scope, "web", "udp", 80), []);
  assert.deepEqual(names.targets(scope, "web", "tcp", 8080), []);
  assert.equal(names.targets(scope, "nobody", "tcp", 80), undefined);
});

test("a change takes effect at once", () => {
  const names = namesOf([APP]);
  const web = service("web", [on("app")], [endpoint("web.1", { app: "10.0.1.5" })]);
  const ask = (name: string) => lookUp(names, "app", "10.0.1.1", name);

  assert.equal(ask("web"), undefined);
  names.update(web);
  assert.deepEqual(ask("web"), ["10.0.1.5"]);
  names.update({ ...web, endpoints: [endpoint("web.2", { app: "10.0.1.6" })] });
  assert.deepEqual(ask("web"), ["10.0.1.6"]);
  assert.equal(ask("web.1"), undefined);
  names.update({ ...web, name: "shop" });
  assert.equal(ask("web"), undefined);
  names.remove("node-service", web.id);
  assert.equal(ask("shop"), undefined);
  names.remove("node-service", web.id);
  names.remove("node-network", "app");
  assert.equal(names.scope("app", "10.0.1.1"), undefined);
});

test("an address that was handed on belongs to its new container", () => {
  const names = namesOf([
    APP,
    service("old", [on("app")], [endpoint("old.1", { app: "10.0.1.5" }, { serving: false })]),
    service("new", [on("app")], [endpoint("new.1", { app: "10.0.1.5" })]),
  ]);
  const scope = names.scope("app", "10.0.1.5");
  assert.ok(scope);
  assert.equal(names.nameOf(scope, "10.0.1.5"), "new.1.app");
});

const NAMES = ["web", "WEB", "db", "tasks.web", "www", "web.1", "app", "db.app", "host"];
const ADDRESSES = ["10.0.1.2", "10.0.1.3", "10.0.1.4", "10.0.1.5"];

const anyObject: fc.Arbitrary<NetworkObject> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.constantFrom(network("app", 1), network("data", 2), network("data", 2, { internal: true })),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("node-service" as const),
      id: fc.constantFrom("s1", "s2", "s3"),
      name: fc.constantFrom(...NAMES),
      networks: fc.uniqueArray(
        fc.record(
          {
            networkId: fc.constantFrom("app", "data"),
            aliases: fc.array(fc.constantFrom(...NAMES), { maxLength: 2 }),
            virtualIP: fc.constantFrom(...ADDRESSES),
          },
          { requiredKeys: ["networkId", "aliases"] },
        ),
        { selector: (place) => place.networkId, maxLength: 2 },
      ),
      ports: fc.constant([{ protocol: "tcp" as const, published: 80, target: 80 }]),
      endpoints: fc.array(
        fc
          .tuple(
            fc.constantFrom(...NAMES),
            fc.record(
              { app: fc.constantFrom(...ADDRESSES), data: fc.constantFrom(...ADDRESSES) },
              { requiredKeys: [] },
            ),
            fc.boolean(),
          )
          .map(([name, addresses, serving]) => endpoint(name, addresses, { serving, hostname: "host" })),
        { maxLength: 3 },
      ),
    }),
  },
);

/** All that can be found out from two askers. */
const allAnswers = (names: Names) =>
  ["app", "data"].flatMap((networkId) =>
    ["10.0.1.1", "10.0.1.4", "10.0.2.9"].map((asker) => {
      const scope = names.scope(networkId, asker);
      return {
        scope,
        addresses: scope && NAMES.map((name) => names.addresses(scope, name)),
        targets: scope && NAMES.map((name) => names.targets(scope, name, "tcp", 80)),
        names: scope && ADDRESSES.map((address) => names.nameOf(scope, address)),
      };
    }),
  );

test("what is found follows from the last objects, whatever came before and in which order", () => {
  fc.assert(
    fc.property(fc.array(anyObject, { maxLength: 12 }), fc.infiniteStream(fc.nat()), (objects, stream) => {
      const changed = namesOf(objects);
      const last = new Map(objects.map((object) => [`${object.kind} ${object.id}`, object]));
      const order = [...last.values()].map((object) => ({ object, rank: stream.next().value }));
      const fresh = namesOf(order.sort((a, b) => a.rank - b.rank).map(({ object }) => object));
      assert.deepEqual(allAnswers(changed), allAnswers(fresh));
    }),
  );
});

test("after all is removed nothing is left", () => {
  fc.assert(
    fc.property(fc.array(anyObject, { maxLength: 12 }), (objects) => {
      const names = namesOf(objects);
      for (const { kind, id } of objects) names.remove(kind, id);
      names.update(network("app", 1));
      names.update(network("data", 2));
      assert.deepEqual(allAnswers(names), allAnswers(namesOf([network("app", 1), network("data", 2)])));
    }),
  );
});
