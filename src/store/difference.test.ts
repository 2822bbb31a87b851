import assert from "node:assert/strict";
import { test } from "node:test";
import { Cache } from "./cache.ts";
import { differences } from "./difference.ts";
import { named, node, service, task } from "./testing/samples.ts";

test("equal states have no differences", () => {
  const objects = [service("a"), task("a"), node("n")];
  assert.deepEqual(differences(new Cache(1, objects), objects), []);
});

test("differences turn the one state into the other", () => {
  const [old, kept, gone] = [
    service("old", { version: 1 }),
    task("kept", { version: 1 }),
    task("gone", { version: 1 }),
  ];
  const cache = new Cache(1, [old, kept, gone]);
  const [renamed, added] = [named(service("old", { version: 3 }), "new"), named(service("new", { version: 2 }), "old")];
  const changes = differences(cache, [added, renamed, kept]);
  assert.deepEqual(changes, [
    { type: "delete", kind: "task", old: gone },
    { type: "create", kind: "service", object: added },
    { type: "update", kind: "service", object: renamed, old },
  ]);
  cache.apply({ revision: 3, changes });
  assert.equal(cache.byName("service", "old"), added);
  assert.equal(cache.byName("service", "new"), renamed);
  assert.deepEqual([...cache.list("task")], [kept]);
});

test("an object that was deleted and created again is a new one", () => {
  const [old, other] = [service("a", { version: 1 }), service("b", { version: 2 })];
  const again = service("a", { version: 4, createdAt: old.createdAt + 1 });
  const cache = new Cache(2, [old, other]);
  cache.apply({ revision: 4, changes: differences(cache, [other, again]) });
  assert.deepEqual([...cache.list("service")], [other, again]);
});
