import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeResources, type Reservations } from "./resources.ts";
import type { GenericResource } from "./spec.ts";

const count = (Kind: string, Value: number): GenericResource => ({ DiscreteResourceSpec: { Kind, Value } });
const named = (Kind: string, Value: string): GenericResource => ({ NamedResourceSpec: { Kind, Value } });

const OFFER = {
  NanoCPUs: 4e9,
  MemoryBytes: 1_000,
  GenericResources: [named("gpu", "a"), named("gpu", "b"), count("ssd", 3)],
};

function offering(offer: typeof OFFER | undefined = OFFER): NodeResources {
  const resources = new NodeResources();
  resources.setOffer(offer);
  return resources;
}

const wants = (...GenericResources: readonly GenericResource[]): Reservations => ({ GenericResources });

for (const { name, reservations, want } of [
  { name: "nothing", reservations: {}, want: true },
  { name: "all CPUs and memory", reservations: { NanoCPUs: 4e9, MemoryBytes: 1_000 }, want: true },
  { name: "too many CPUs", reservations: { NanoCPUs: 4e9 + 1 }, want: false },
  { name: "too much memory", reservations: { MemoryBytes: 1_001 }, want: false },
  { name: "all named units", reservations: wants(count("gpu", 2)), want: true },
  { name: "too many named units", reservations: wants(count("gpu", 3)), want: false },
  { name: "a whole count", reservations: wants(count("ssd", 3)), want: true },
  { name: "too large a count", reservations: wants(count("ssd", 4)), want: false },
  { name: "one kind twice, together too much", reservations: wants(count("ssd", 2), count("ssd", 2)), want: false },
  { name: "a kind that is not offered", reservations: wants(count("fpga", 1)), want: false },
  { name: "a named unit, which tasks may not ask for", reservations: wants(named("gpu", "a")), want: false },
] satisfies readonly { name: string; reservations: Reservations; want: boolean }[]) {
  test(`a node ${want ? "fits" : "does not fit"} a task that reserves ${name}`, () => {
    assert.equal(offering().fits(reservations), want);
  });
}

test("a node that has not described itself offers nothing", () => {
  const resources = new NodeResources();
  assert.ok(resources.fits({}));
  assert.ok(!resources.fits({ NanoCPUs: 1 }));
  assert.deepEqual(resources.generic, []);
});

test("claims are taken off, and come back", () => {
  const resources = offering();
  const reservations = { NanoCPUs: 1e9, MemoryBytes: 600, ...wants(count("gpu", 1), count("ssd", 2)) };
  const assigned = resources.choose(reservations) ?? [];
  assert.deepEqual(assigned, [named("gpu", "a"), count("ssd", 2)]);
  resources.claim({ reservations, assigned });
  assert.equal(resources.nanoCpus, 3e9);
  assert.equal(resources.memoryBytes, 400);
  assert.deepEqual(resources.generic, [named("gpu", "b"), count("ssd", 1)]);
  assert.deepEqual(resources.choose(wants(count("gpu", 1))), [named("gpu", "b")]);
  assert.equal(resources.choose(wants(count("gpu", 2))), undefined);
  assert.ok(!resources.fits(reservations));
  resources.release({ reservations, assigned });
  assert.deepEqual(resources.generic, OFFER.GenericResources);
  assert.ok(resources.fits(reservations));
});

test("a count of zero takes nothing", () => {
  assert.deepEqual(offering().choose(wants(count("gpu", 0), count("ssd", 0))), []);
});

test("a node that shrinks keeps its claims, and has less than nothing free", () => {
  const resources = offering();
  resources.claim({ reservations: { NanoCPUs: 3e9 }, assigned: [count("ssd", 2), named("gpu", "a")] });
  resources.setOffer({ NanoCPUs: 2e9, MemoryBytes: 1_000, GenericResources: [count("ssd", 1), named("gpu", "b")] });
  assert.equal(resources.nanoCpus, -1e9);
  assert.deepEqual(resources.generic, [count("ssd", -1), named("gpu", "b")]);
  assert.ok(!resources.fits({ NanoCPUs: 1 }));
  assert.ok(!resources.fits(wants(count("ssd", 1))));
});

test("a kind that turns from names into a count does not mix the two", () => {
  const resources = offering();
  const claim = { reservations: {}, assigned: [named("gpu", "a")] };
  resources.claim(claim);
  resources.setOffer({ NanoCPUs: 0, MemoryBytes: 0, GenericResources: [count("gpu", 2)] });
  assert.deepEqual(resources.choose(wants(count("gpu", 2))), [count("gpu", 2)]);
  assert.ok(!resources.holds({ reservations: {}, assigned: [named("gpu", "b")] }));
});

for (const { name, assigned, want } of [
  { name: "free units", assigned: [named("gpu", "b"), count("ssd", 3)], want: true },
  { name: "a unit that someone else holds", assigned: [named("gpu", "a")], want: false },
  { name: "a unit that is gone", assigned: [named("gpu", "c")], want: false },
  { name: "a larger count than is left", assigned: [count("ssd", 4)], want: false },
  { name: "a count of a kind that has names now", assigned: [count("gpu", 1)], want: false },
]) {
  test(`a node ${want ? "can" : "cannot"} go on holding ${name}`, () => {
    const resources = offering();
    resources.claim({ reservations: {}, assigned: [named("gpu", "a")] });
    assert.equal(resources.holds({ reservations: {}, assigned }), want);
  });
}
