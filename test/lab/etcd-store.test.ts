/** The etcd driver of the store on a real etcd. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { KINDS, type Kind, type StoreObject } from "#model/objects.ts";
import { plainCodec } from "#store/codec.ts";
import { storeContract } from "#store/contract.ts";
import { EtcdClient } from "#store/etcd/client.ts";
import { openEtcdStore } from "#store/etcd/store.ts";
import { createEtcdDatabase } from "#store/etcd/testing/etcd-database.ts";
import { EtcdServer } from "#store/etcd/testing/etcd-server.ts";
import { migrate } from "#store/migrate.ts";
import { MAX_OPERATIONS, type Store } from "#store/store.ts";
import { SwitchableStore } from "#store/switchable.ts";
import { check, committed, create, createAll, createOne, never, remove, update } from "#store/testing/driver.ts";
import { everyKind, named, secret, service } from "#store/testing/samples.ts";
import { createFileDatabase, sealed } from "#store/testing/sqlite-database.ts";

const server = await EtcdServer.start();
after(() => server[Symbol.asyncDispose]());
const { endpoint } = server;

storeContract("etcd", () => createEtcdDatabase(server, plainCodec));
storeContract("sealed etcd", () => createEtcdDatabase(server, sealed));

test("a full commit of objects with names: more than etcd takes by default", async () => {
  await using database = await createEtcdDatabase(server, sealed);
  await using store = await database.open();
  const guard = await createOne(store, secret("guard"));
  const web = Array.from({ length: MAX_OPERATIONS }, (_, index) => service(`s${index}`));
  const made = await createAll(store, web);
  const renamed = made.map((object, index) => update(named(object, `s${(index + 1) % MAX_OPERATIONS}`)));
  const refused = await store.commit([...renamed, check({ ...guard, version: 1 })], never);
  assert.equal(refused.ok ? "ok" : refused.conflict.reason, "sequence");
  assert.deepEqual(await store.list("service", never), made);
  const version = committed(await store.commit([...renamed, check(guard)], never));
  const [first] = await store.list("service", never);
  assert.deepEqual(first, { ...named(service("s0"), "s1"), version });
  const clash = await store.commit(
    web.map(({ id }) => create(named(service(`new-${id}`), id))),
    never,
  );
  assert.equal(clash.ok ? "ok" : clash.conflict.reason, "name");
  const gone = (await store.list("service", never)).map(remove);
  committed(await store.commit([...gone, check(guard)], never));
  await createAll(store, web);
});

test("a check resolves when all is seen that was committed before, whatever others do in the same etcd", async () => {
  await using database = await createEtcdDatabase(server, sealed);
  await using store = await database.open();
  await using other = await database.open();
  using client = new EtcdClient(endpoint, systemClock);
  const web = await createOne(store, service("web"));
  for (let number = 0; number < 20; number++) {
    const made = await createOne(store, service(`s${number}`));
    await client.call({ what: "writing" }, never, ({ kv }, options) =>
      kv.put({ key: Buffer.from("/stranger"), value: Buffer.from(String(number)) }, options),
    );
    committed(await other.commit([check(web)], never));
    assert.deepEqual(await other.read("service", made.id, never), made);
  }
});

test("neither keys nor values show names or what else users wrote", async () => {
  const prefix = "/sealed/";
  await using store = await openEtcdStore({ endpoint, codec: sealed, prefix }, never);
  await createOne(store, secret("x", "visible-name"));
  using client = new EtcdClient(endpoint, systemClock);
  const { kvs } = await client.call({ what: "reading everything" }, never, ({ kv }, options) =>
    kv.range({ key: Buffer.from(prefix), rangeEnd: Buffer.from("/sealed0") }, options),
  );
  assert.equal(kvs.length, 4);
  for (const { key, value } of kvs) assert.doesNotMatch(Buffer.concat([key, value]).toString("latin1"), /visible/i);
});

test("values that were sealed with another key are refused", async () => {
  const prefix = "/other-key/";
  await using store = await openEtcdStore({ endpoint, codec: sealed, prefix }, never);
  await createOne(store, service("web"));
  await assert.rejects(openEtcdStore({ endpoint, codec: plainCodec, prefix }, never), { code: "internal" });
});

test("a value that cannot be read ends the store, with the reason", async () => {
  const prefix = "/damaged/";
  await using store = await openEtcdStore({ endpoint, codec: sealed, prefix }, never);
  const { commits } = await store.watch(never);
  using client = new EtcdClient(endpoint, systemClock);
  await client.call({ what: "damaging" }, never, ({ kv }, options) =>
    kv.put({ key: Buffer.from(`${prefix}objects/service/web`), value: Buffer.from("garbage") }, options),
  );
  const failure = { code: "internal", message: /service web cannot be read/ };
  await assert.rejects(async () => {
    for await (const _ of commits) assert.fail("a commit without an object");
  }, failure);
  await assert.rejects(store.commit([create(service("db"))], never), failure);
});

test("objects of kinds that only newer versions know are left alone", async () => {
  const prefix = "/newer/";
  await using store = await openEtcdStore({ endpoint, codec: sealed, prefix }, never);
  using client = new EtcdClient(endpoint, systemClock);
  await client.call({ what: "writing" }, never, ({ kv }, options) =>
    kv.put({ key: Buffer.from(`${prefix}objects/volume/v1`), value: Buffer.from("anything") }, options),
  );
  const web = await createOne(store, service("web"));
  await using second = await openEtcdStore({ endpoint, codec: sealed, prefix }, never);
  assert.deepEqual([...(await second.watch(never)).snapshot], [web]);
});

test("a part of etcd that something else uses is refused", async () => {
  using client = new EtcdClient(endpoint, systemClock);
  await client.call({ what: "writing" }, never, ({ kv }, options) =>
    kv.put({ key: Buffer.from("/theirs/config"), value: Buffer.from("x") }, options),
  );
  await assert.rejects(openEtcdStore({ endpoint, codec: sealed, prefix: "/theirs/" }, never), {
    code: "precondition",
    message: /another prefix/,
  });
});

test("a cluster that moves from SQLite to etcd keeps its objects, their order, names and versions", async () => {
  await using database = await createFileDatabase(sealed);
  await using etcd = await createEtcdDatabase(server, sealed);
  await using store = new SwitchableStore(await database.open());
  const base = 1_000;
  const objects = await createAll(store, everyKind());
  const [web, db] = [await createOne(store, service("web")), await createOne(store, service("db"))];
  const revision = committed(await store.commit([update({ ...web, specVersion: 7 })], never));
  const before = await contents(store);
  await migrate(store, await etcd.open({ base }), async () => undefined, never);
  assert.deepEqual(await contents(store), before);

  // Who has read an object before the move can write it after; who has an old one cannot.
  const stale = await store.commit([update(web)], never);
  assert.equal(stale.ok ? "ok" : stale.conflict.reason, "sequence");
  const future = await store.commit([update(web, revision + 1)], never);
  assert.equal(future.ok ? "ok" : future.conflict.reason, "sequence");
  const newer = committed(await store.commit([update({ ...web, specVersion: 8 }, revision)], never));
  assert.ok(newer > base);
  const again = await store.commit([update(web, revision)], never);
  assert.equal(again.ok ? "ok" : again.conflict.reason, "sequence");
  const clash = await store.commit([create(service("new", { spec: db.spec }))], never);
  assert.equal(clash.ok ? "ok" : clash.conflict.reason, "name");
  committed(await store.commit([remove(db), create(named(service("new"), "DB"))], never));
  const after = await contents(store);
  await using second = await etcd.open();
  assert.deepEqual(await contents(second), after);
  assert.ok(objects.length > 0);
});

const contents = async (store: Store): Promise<readonly StoreObject[]> =>
  (await Promise.all(KINDS.map((kind) => store.list<Kind>(kind, never)))).flat();
