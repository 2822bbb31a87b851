import assert from "node:assert/strict";
import { test } from "node:test";
import { storeContract } from "./contract.ts";
import { openMemoryStore } from "./memory.ts";
import { StoreState } from "./state.ts";
import { createOne, never } from "./testing/driver.ts";
import { service } from "./testing/samples.ts";

storeContract("memory", async () => {
  const state = new StoreState();
  return { open: async (options) => openMemoryStore(state, options), [Symbol.asyncDispose]: async () => undefined };
});

test("stores on one state see each other's commits, and end on their own", async () => {
  const state = new StoreState();
  const first = openMemoryStore(state);
  await using second = openMemoryStore(state);
  const commits = (await second.watch(never)).commits[Symbol.asyncIterator]();
  const web = await createOne(first, service("web"));
  await first[Symbol.asyncDispose]();
  assert.deepEqual((await commits.next()).value.changes, [{ type: "create", kind: "service", object: web }]);
  const db = await createOne(second, service("db"));
  assert.deepEqual(await second.list("service", never), [web, db]);
});

test("an object keeps the parts that it shares with others", async () => {
  await using store = openMemoryStore();
  const first = await createOne(store, service("web"));
  await createOne(store, service("copy", { spec: { ...first.spec, Name: "copy" } }));
  const [web, copy] = await store.list("service", never);
  assert.equal(web?.spec.TaskTemplate, copy?.spec.TaskTemplate);
});
