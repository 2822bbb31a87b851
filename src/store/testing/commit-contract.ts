import assert from "node:assert/strict";
import { test } from "node:test";
import { KINDS } from "#model/objects.ts";
import { MAX_OPERATIONS } from "#store/store.ts";
import {
  type CreateDatabase,
  check,
  committed,
  create,
  createAll,
  createOne,
  never,
  remove,
  update,
} from "./driver.ts";
import { config, everyKind, node, service, task } from "./samples.ts";

/** Commits that succeed, reads, and what outlives a store. */
export function commitContract(createDatabase: CreateDatabase): void {
  test("an empty store has nothing", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    for (const kind of KINDS) assert.deepEqual(await store.list(kind, never), []);
    assert.equal(await store.read("service", "s", never), undefined);
  });

  test("objects of every kind come back as they were written, at the commit's revision", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    for (const object of await createAll(store, everyKind())) {
      assert.deepEqual(await store.read(object.kind, object.id, never), object);
      assert.deepEqual(await store.list(object.kind, never), [object]);
    }
  });

  test("what is read cannot be changed", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    await createOne(store, service("web"));
    const read = await store.read("service", "web", never);
    assert.ok(read && Object.isFrozen(read) && Object.isFrozen(read.spec.TaskTemplate.ContainerSpec));
  });

  test("revisions grow, and only what a commit writes gets its revision", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const web = await createOne(store, service("web"));
    const db = await createOne(store, service("db"));
    const later = committed(await store.commit([update({ ...web, specVersion: 2 }), create(task("t"))], never));
    assert.ok(web.version < db.version && db.version < later);
    assert.deepEqual(await store.read("service", "web", never), { ...web, specVersion: 2, version: later });
    assert.equal((await store.read("task", "t", never))?.version, later);
    assert.equal((await store.read("service", "db", never))?.version, db.version);
  });

  test("the version inside a written object means nothing", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const web = await createOne(store, service("web", { version: 77 }));
    const revision = committed(await store.commit([update({ ...web, version: 99 }, web.version)], never));
    assert.equal((await store.read("service", "web", never))?.version, revision);
  });

  test("a deleted object is gone", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const web = await createOne(store, service("web"));
    committed(await store.commit([remove(web)], never));
    assert.equal(await store.read("service", "web", never), undefined);
    assert.deepEqual(await store.list("service", never), []);
  });

  test("a commit that writes nothing changes nothing", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const web = await createOne(store, service("web"));
    committed(await store.commit([], never));
    committed(await store.commit([check(web)], never));
    assert.deepEqual(await store.list("service", never), [web]);
  });

  test("a commit may have as many operations as is promised, and no more", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const tasks = Array.from({ length: MAX_OPERATIONS + 1 }, (_, index) => task(`t${index}`));
    await assert.rejects(store.commit(tasks.map(create), never), { code: "invalid" });
    assert.deepEqual(await store.list("task", never), []);
    await createAll(store, tasks.slice(1));
    assert.equal((await store.list("task", never)).length, MAX_OPERATIONS);
  });

  test("a commit must not write an object twice", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const web = await createOne(store, service("web"));
    await assert.rejects(store.commit([update(web), remove(web)], never), { code: "invalid" });
    assert.deepEqual(await store.list("service", never), [web]);
  });

  test("an object may have a megabyte", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const big = await createOne(store, config("big", "big", "x".repeat(1_024_000)));
    assert.deepEqual(await store.read("config", "big", never), big);
  });

  test("objects of different kinds may share an id", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const [web] = await createAll(store, [service("a"), task("a"), node("a")]);
    assert.ok(web);
    committed(await store.commit([remove(web)], never));
    assert.ok(await store.read("task", "a", never));
    assert.ok(await store.read("node", "a", never));
  });

  test("concurrent commits all happen, each in the revision that it is told", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, index) => store.commit([create(task(`t${index}`))], never)),
    );
    const revisions = results.map(committed);
    const tasks = await Promise.all(results.map((_, index) => store.read("task", `t${index}`, never)));
    assert.deepEqual(
      tasks.map((each) => each?.version),
      revisions,
    );
  });

  test("of concurrent commits on one version, one happens", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const web = await createOne(store, service("web"));
    const results = await Promise.all(
      [2, 3, 4, 5].map((specVersion) => store.commit([update({ ...web, specVersion })], never)),
    );
    assert.equal(results.filter((result) => result.ok).length, 1);
    const refused = results.flatMap((result) => (result.ok ? [] : result.conflict.reason));
    assert.deepEqual(refused, ["sequence", "sequence", "sequence"]);
  });

  test("of concurrent creations of one name, one happens", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const { spec } = service("same");
    const results = await Promise.all(
      ["a", "b", "c"].map((id) => store.commit([create(service(id, { spec }))], never)),
    );
    const refused = results.flatMap((result) => (result.ok ? [] : result.conflict.reason));
    assert.deepEqual(refused, ["name", "name"]);
  });

  test("an aborted signal keeps a call from doing anything", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const signal = AbortSignal.abort(new Error("gone"));
    await assert.rejects(store.commit([create(service("web"))], signal), /gone/);
    await assert.rejects(store.read("service", "web", signal), /gone/);
    await assert.rejects(store.list("service", signal), /gone/);
    await assert.rejects(store.watch(signal), /gone/);
    assert.deepEqual(await store.list("service", never), []);
  });

  test("a store that is closed says so", async () => {
    await using database = await createDatabase();
    const store = await database.open();
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await assert.rejects(store.list("service", never), { code: "unavailable" });
    await assert.rejects(store.commit([create(service("web"))], never), { code: "unavailable" });
  });

  test("objects, names and the revision outlive the store", async () => {
    await using database = await createDatabase();
    const first = await database.open();
    const objects = await createAll(first, everyKind());
    const gone = await createOne(first, service("gone"));
    const last = committed(await first.commit([remove(gone)], never));
    await first[Symbol.asyncDispose]();

    await using second = await database.open();
    for (const object of objects) assert.deepEqual(await second.list(object.kind, never), [object]);
    const clash = await second.commit([create(service("other", { spec: service("S").spec }))], never);
    assert.equal(clash.ok ? "ok" : clash.conflict.reason, "name");
    assert.ok((await createOne(second, service("new"))).version > last);
  });
}
