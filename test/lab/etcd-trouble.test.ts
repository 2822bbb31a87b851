/** The etcd driver of the store while etcd fails: what was acknowledged is there, what is in doubt is found out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "#base/clock.ts";
import { EtcdCluster } from "#store/etcd/cluster.ts";
import { openEtcdStore } from "#store/etcd/store.ts";
import { createEtcdDatabase } from "#store/etcd/testing/etcd-database.ts";
import { EtcdServer } from "#store/etcd/testing/etcd-server.ts";
import { Link } from "#store/etcd/testing/link.ts";
import type { Store } from "#store/store.ts";
import { committed, create, createOne, never, remove, update } from "#store/testing/driver.ts";
import { config, service, task } from "#store/testing/samples.ts";
import { sealed } from "#store/testing/sqlite-database.ts";

test("commits outlive a crash of etcd, and go on after it; a watch misses nothing", async () => {
  await using server = await EtcdServer.start();
  await using database = await createEtcdDatabase(server, sealed);
  await using store = await database.open();
  await using other = await database.open();
  const seen = collectTasks(other);
  const acknowledged: string[] = [];
  const writing = (async () => {
    for (let number = 0; number < 200; number++) {
      await createOne(store, task(`t${number}`));
      acknowledged.push(`t${number}`);
    }
  })();
  for (let round = 0; round < 3; round++) {
    await pause(100);
    await server.kill();
    await server.start();
  }
  await writing;
  assert.equal(acknowledged.length, 200);
  assert.deepEqual(
    (await store.list("task", never)).map(({ id }) => id),
    acknowledged,
  );
  await using fresh = await database.open();
  assert.deepEqual(
    (await fresh.list("task", never)).map(({ id }) => id),
    acknowledged,
  );
  while (seen.ids.length < 200) await pause(20);
  assert.deepEqual(seen.ids, acknowledged);
  await seen.end();
});

test("a write to an etcd that is gone fails with what to do, soon and then at once", async () => {
  const server = await EtcdServer.start();
  await using database = await createEtcdDatabase(server, sealed);
  await using store = await database.open();
  const web = await createOne(store, service("web"));
  await server[Symbol.asyncDispose]();
  await assert.rejects(store.commit([create(task("t"))], never), { code: "unavailable" });
  await assert.rejects(store.commit([create(task("t"))], never), { code: "unavailable" });
  assert.deepEqual(await store.list("service", never), [web]);
});

test("a frozen etcd: commits in doubt are made once, or not at all", async () => {
  await using server = await EtcdServer.start();
  await using database = await createEtcdDatabase(server, sealed);
  await using store = await database.open();
  const web = await createOne(store, service("web"));
  server.freeze();
  const creating = createOne(store, task("t"));
  const updating = store.commit([update({ ...web, specVersion: 5 })], never);
  await pause(3_500);
  server.thaw();
  const made = await creating;
  const revision = committed(await updating);
  assert.deepEqual(await store.list("task", never), [made]);
  assert.deepEqual(await store.list("service", never), [{ ...web, specVersion: 5, version: revision }]);
});

test("a store is closed although its etcd hangs, and what is under way ends", async () => {
  await using server = await EtcdServer.start();
  await using database = await createEtcdDatabase(server, sealed);
  const store = await database.open();
  await createOne(store, service("web"));
  server.freeze();
  const committing = assert.rejects(store.commit([create(task("t"))], never), { code: "unavailable" });
  await store[Symbol.asyncDispose]();
  await committing;
  server.thaw();
});

test("history that was compacted before it was read: watches start over, and the state is right", async () => {
  await using server = await EtcdServer.start();
  using cluster = new EtcdCluster(server.endpoint, systemClock);
  await using database = await createEtcdDatabase(server, sealed);
  await using writer = await database.open();
  const gone = await createOne(writer, service("gone"));
  const kept = await createOne(writer, service("kept"));
  const link = await Link.open(server.endpoint);
  await using reader = await database.open({ endpoint: link.endpoint });
  const { commits } = await reader.watch(never);
  await link.cut();
  committed(await writer.commit([remove(gone)], never));
  const after = await createOne(writer, service("after"));
  await cluster.compact((await cluster.status(never)).revision, never);
  await link.mend();
  await assert.rejects(
    async () => {
      for await (const _ of commits) assert.fail("a gap in the commits");
    },
    { code: "unavailable" },
  );
  while ((await reader.read("service", "after", never)) === undefined) await pause(20);
  assert.deepEqual(await reader.list("service", never), [kept, after]);
  const { snapshot } = await reader.watch(never);
  assert.deepEqual([...snapshot], [kept, after]);
  const renamed = await reader.commit([create(service("gone"))], never);
  assert.ok(renamed.ok);
  await link[Symbol.asyncDispose]();
});

test("a full etcd says so, and takes writes again after its upkeep", async () => {
  await using server = await EtcdServer.start({ flags: ["--quota-backend-bytes=20000000"] });
  using cluster = new EtcdCluster(server.endpoint, systemClock);
  await using database = await createEtcdDatabase(server, sealed);
  await using store = await database.open();
  const big = await createOne(store, config("big", "big", "x".repeat(1_000_000)));
  let { version } = big;
  await assert.rejects(
    async () => {
      for (let round = 0; round < 40; round++) {
        version = committed(await store.commit([update({ ...big, updatedAt: round }, version)], never));
      }
    },
    { code: "unavailable", message: /full/ },
  );
  const alarms = await cluster.alarms(never);
  const status = await cluster.status(never);
  assert.deepEqual(alarms, [{ memberId: status.memberId, type: "no space" }]);
  await cluster.compact(status.revision, never);
  await cluster.defragment(never);
  for (const alarm of alarms) await cluster.disarm(alarm, never);
  assert.ok((await cluster.status(never)).fileBytes < status.fileBytes / 2);
  committed(await store.commit([update(big, version)], never));
});

test("revisions go on above those of the store before", async () => {
  await using server = await EtcdServer.start();
  const open = (base: number) => openEtcdStore({ endpoint: server.endpoint, codec: sealed, base }, never);
  const first = await open(5_000);
  const web = await createOne(first, service("web"));
  assert.ok(web.version > 5_000);
  await first[Symbol.asyncDispose]();
  await using second = await open(0);
  assert.deepEqual(await second.list("service", never), [web]);
  const revision = committed(await second.commit([update({ ...web, specVersion: 2 })], never));
  assert.ok(revision > web.version);
});

interface Seen {
  readonly ids: string[];
  end(): Promise<void>;
}

/** Ids of tasks as a watch brings them. */
function collectTasks(store: Store): Seen {
  const stop = new AbortController();
  const ids: string[] = [];
  const reading = (async () => {
    const { commits } = await store.watch(stop.signal);
    for await (const { changes } of commits) {
      for (const change of changes) if (change.type === "create" && change.kind === "task") ids.push(change.object.id);
    }
  })();
  return {
    ids,
    async end() {
      stop.abort(new Error("seen enough"));
      await assert.rejects(reading, /seen enough/);
    },
  };
}
