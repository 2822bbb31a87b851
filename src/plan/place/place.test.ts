import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { errorMessage } from "#base/errors.ts";
import type { Placing } from "./filters.ts";
import type { Candidate, Demand, PlacedContainer, PlacementHost } from "./host.ts";
import { place } from "./place.ts";
import { DEFAULT_POLICY, filtersCalled, type PlacementPolicy, parseStrategy } from "./policy.ts";
import { STRATEGIES, type Strategy } from "./strategy.ts";
import { extractWishes } from "./wish.ts";

const NOTHING: Demand = { nanoCpus: 0, memoryBytes: 0, ports: [] };
const GIB = 2 ** 30;

const containerOf = (name: string, demand: Partial<Demand> = {}, labels = {}): PlacedContainer => ({
  id: `${name}-id`,
  name,
  labels,
  demand: { ...NOTHING, ...demand },
});

const hostOf = (name: string, overrides: Partial<PlacementHost> = {}): PlacementHost => ({
  id: `${name}-id`,
  name,
  labels: {},
  isHealthy: true,
  nanoCpus: 4e9,
  memoryBytes: 8 * GIB,
  containers: [],
  images: [],
  ...overrides,
});

const placingOf = (says: readonly string[] = [], candidate: Partial<Candidate> = {}): Placing => ({
  ...extractWishes(says, {}).wishes,
  candidate: { name: "new", image: "app:1", demand: NOTHING, dependencies: [], ...candidate },
});

const placed = (what: Placing, hosts: readonly PlacementHost[], strategy: Strategy = "spread", lot = 0): string =>
  placedBy(what, hosts, { strategy }, lot);

const placedBy = (
  what: Placing,
  hosts: readonly PlacementHost[],
  policy: Partial<PlacementPolicy>,
  lot = 0,
): string => {
  try {
    return place(what, hosts, { ...DEFAULT_POLICY, ...policy }, lot).name;
  } catch (err) {
    return errorMessage(err);
  }
};

const tcp = (port: number, ip = "") => ({ port, protocol: "tcp", ip });

test("spread takes the emptiest host, binpack the fullest that has room, random any", () => {
  const hosts = [
    hostOf("h1", { containers: [containerOf("a"), containerOf("b")] }),
    hostOf("h2", { containers: [containerOf("c")] }),
    hostOf("h3", { containers: [containerOf("d", { memoryBytes: 7 * GIB })] }),
  ];
  assert.equal(placed(placingOf(), hosts), "h2");
  assert.equal(placed(placingOf(), hosts, "binpack"), "h1");
  assert.deepEqual(
    [0, 0.4, 0.99].map((lot) => placed(placingOf(), hosts, "random", lot)),
    ["h1", "h2", "h3"],
  );
  const large = placingOf([], { demand: { ...NOTHING, memoryBytes: 2 * GIB } });
  assert.equal(placed(large, hosts, "spread"), "h2");
  const small = placingOf([], { demand: { ...NOTHING, memoryBytes: GIB / 2 } });
  assert.equal(placed(small, hosts, "binpack"), "h3");
});

test("no host, no healthy host, no room: each is said", () => {
  assert.equal(placed(placingOf(), []), "No nodes available in the cluster");
  assert.equal(placed(placingOf(), [hostOf("h1", { isHealthy: false })]), "No healthy node available in the cluster");
  const demand = { ...NOTHING, nanoCpus: 5e9, memoryBytes: GIB };
  assert.match(
    placed(placingOf([], { demand }), [hostOf("h1")]),
    /^no resources available to schedule container: no host has 5 CPUs and 1073741824 bytes of memory left/,
  );
});

test("constraints are about names and labels of hosts", () => {
  const hosts = [hostOf("h1", { labels: { zone: "a" } }), hostOf("h2", { labels: { zone: "b", disk: "ssd" } })];
  assert.equal(placed(placingOf(["constraint:zone==b"]), hosts), "h2");
  assert.equal(placed(placingOf(["constraint:node==h2"]), hosts), "h2");
  assert.equal(placed(placingOf(["constraint:node==h1-id"]), hosts), "h1");
  assert.equal(placed(placingOf(["constraint:disk!=ssd"]), hosts), "h1");
  assert.equal(placed(placingOf(["constraint:zone==~c"]), hosts), "h1", "soft: given up");
  assert.equal(
    placed(placingOf(["constraint:zone==c", "constraint:disk==~ssd"]), hosts),
    "Unable to find a node that satisfies the following conditions \n[available container slots]\n[zone==c]",
  );
});

test("soft wishes are given up together, when they cannot all be had", () => {
  const hosts = [hostOf("h1", { labels: { zone: "a" } }), hostOf("h2", { containers: [containerOf("x")] })];
  assert.equal(placed(placingOf(["constraint:zone!=~a", "affinity:container==~x"]), hosts), "h2");
  assert.equal(placed(placingOf(["constraint:zone==~a", "affinity:container==~x"]), hosts), "h1");
});

test("affinities are about containers, images and labels", () => {
  const hosts = [
    hostOf("h1", { containers: [containerOf("front", {}, { tier: "web" })] }),
    hostOf("h2", { images: [{ id: "sha256:ab", tags: ["registry:5000/app:1"] }] }),
  ];
  assert.equal(placed(placingOf(["affinity:container==front"]), hosts), "h1");
  assert.equal(placed(placingOf(["affinity:container==front-id"]), hosts), "h1");
  assert.equal(placed(placingOf(["affinity:container!=front"]), hosts), "h2");
  assert.equal(placed(placingOf(["affinity:tier==web"]), hosts), "h1");
  assert.equal(placed(placingOf(["affinity:image==registry:5000/app"]), hosts), "h2");
  assert.equal(placed(placingOf(["affinity:image==registry:5000/app:1"]), hosts), "h2");
});

test("a port of the host is given once, for each protocol and address", () => {
  const hosts = [hostOf("h1", { containers: [containerOf("web", { ports: [tcp(80, "10.0.0.1")] })] })];
  const wanting = (port: ReturnType<typeof tcp>) =>
    placed(placingOf([], { demand: { ...NOTHING, ports: [port] } }), hosts);
  assert.equal(wanting(tcp(81)), "h1");
  assert.equal(wanting(tcp(80, "10.0.0.2")), "h1");
  assert.equal(wanting({ ...tcp(80), protocol: "udp" }), "h1");
  const refused =
    "Unable to find a node that satisfies the following conditions \n[port 80/tcp]\nport 80/tcp is taken by web on h1";
  assert.equal(wanting(tcp(80)), refused);
  assert.equal(wanting(tcp(80, "10.0.0.1")), refused);
});

test("slots, dependencies and white lists", () => {
  const full = hostOf("h1", { labels: { containerslots: "1" }, containers: [containerOf("db")] });
  const hosts = [
    full,
    hostOf("h2", { labels: { containerslots: "many" }, containers: [containerOf("x"), containerOf("y")] }),
  ];
  assert.equal(placed(placingOf(), hosts), "h2");
  const dependencies = [{ option: "--volumes-from", container: "db" }];
  assert.equal(
    placed(placingOf([], { dependencies }), hosts),
    "Unable to find a node that satisfies the following conditions \n[available container slots]\n[--volumes-from=db]",
  );
  assert.equal(placed(placingOf([], { dependencies: [{ option: "--link", container: "x-id" }] }), hosts), "h2");
  assert.equal(placed(placingOf(["whitelist:node==h2|h3"]), hosts), "h2");
});

test("no host ever has more reserved than it has, nor a port twice", () => {
  const demand = fc.record({
    nanoCpus: fc.constantFrom(0, 1e9, 3e9),
    memoryBytes: fc.constantFrom(0, GIB, 5 * GIB),
    ports: fc.array(
      fc.integer({ min: 80, max: 82 }).map((port) => tcp(port)),
      { maxLength: 2 },
    ),
  });
  fc.assert(
    fc.property(
      fc.array(demand, { maxLength: 30 }),
      fc.constantFrom(...STRATEGIES),
      fc.nat({ max: 99 }),
      (all, how, lot) => {
        let hosts: readonly PlacementHost[] = ["h1", "h2", "h3"].map((name) => hostOf(name));
        for (const [index, wanted] of all.entries()) {
          const ports = [...new Map(wanted.ports.map((one) => [one.port, one])).values()];
          const own = { ...wanted, ports };
          const name = placed(placingOf([], { demand: own }), hosts, how, lot / 100);
          const container = containerOf(`c${index}`, own);
          hosts = hosts.map((host) =>
            host.name === name ? { ...host, containers: [...host.containers, container] } : host,
          );
        }
        for (const { containers, nanoCpus, memoryBytes } of hosts) {
          const sum = (what: "nanoCpus" | "memoryBytes") =>
            containers.reduce((total, one) => total + one.demand[what], 0);
          assert.ok(sum("nanoCpus") <= nanoCpus && sum("memoryBytes") <= memoryBytes);
          const taken = containers.flatMap((one) => one.demand.ports.map(({ port }) => port));
          assert.equal(new Set(taken).size, taken.length);
        }
      },
    ),
  );
});

test("what an operator says of filters and of room counts", () => {
  const hosts = [
    hostOf("h1", { isHealthy: false }),
    hostOf("h2", { containers: [containerOf("a", { memoryBytes: 7 * GIB, ports: [tcp(80)] })] }),
  ];
  const two = placingOf([], { demand: { ...NOTHING, memoryBytes: 2 * GIB } });
  assert.match(placedBy(two, hosts, {}), /no resources available/);
  assert.equal(placedBy(two, hosts, { overcommit: 0.125 }), "h2");
  assert.match(placedBy(two, hosts, { overcommit: 0.12 }), /no resources available/);
  assert.equal(placedBy(two, hosts, { filters: filtersCalled(["constraint"]) }), "h1");
  const port = placingOf(["constraint:node==h2"], { demand: { ...NOTHING, ports: [tcp(80)] } });
  const both = "Unable to find a node that satisfies the following conditions \n[node==h2]\n[port 80/tcp]";
  assert.equal(placedBy(port, hosts, { filters: filtersCalled(["constraint", "port"]) }).startsWith(both), true);
  assert.equal(placedBy(port, hosts, { filters: [] }), "h1");
});

test("names of strategies and filters are checked", () => {
  assert.equal(parseStrategy("binpacking"), "binpack");
  assert.throws(() => parseStrategy("best"), { code: "invalid", message: /strategy best is not supported: .*binpack/ });
  assert.throws(() => filtersCalled(["health", "mood"]), { code: "invalid", message: /filter mood is not supported/ });
});
