/** The etcd driver of the store on several members: how they join, fail and leave. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "#base/clock.ts";
import { errorCode } from "#base/errors.ts";
import { EtcdCluster } from "#store/etcd/cluster.ts";
import { openEtcdStore } from "#store/etcd/store.ts";
import { EtcdServer } from "#store/etcd/testing/etcd-server.ts";
import type { Store } from "#store/store.ts";
import { create, createOne, never } from "#store/testing/driver.ts";
import { service, task } from "#store/testing/samples.ts";
import { sealed } from "#store/testing/sqlite-database.ts";

/** A member of etcd, as a manager has one beside it. */
interface Manager extends AsyncDisposable {
  readonly server: EtcdServer;
  readonly cluster: EtcdCluster;
  readonly store: Store;
}

async function freePeerUrl(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
}

async function manage(server: EtcdServer, prepare: (server: EtcdServer) => Promise<void>): Promise<Manager> {
  await using owned = new AsyncDisposableStack();
  owned.use(server);
  await prepare(server);
  const cluster = owned.use(new EtcdCluster(server.endpoint, systemClock));
  const store = owned.use(await openEtcdStore({ endpoint: server.endpoint, codec: sealed }, never));
  const kept = owned.move();
  return { server, cluster, store, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

const startFirst = async (): Promise<Manager> =>
  manage(await EtcdServer.start({ name: "m1", peerUrl: await freePeerUrl() }), async () => undefined);

/** Asks again and again, as long as the answer is `unavailable`. */
async function eventually<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (err) {
      if (errorCode(err) !== "unavailable" || tries === 100) throw err;
      await pause(100);
    }
  }
}

async function join({ cluster }: Manager, name: string): Promise<Manager> {
  const peerUrl = await freePeerUrl();
  const { member, members } = await eventually(() => cluster.addLearner(peerUrl, never));
  assert.deepEqual([member.isLearner, member.name, member.peerUrls], [true, "", [peerUrl]]);
  const known = members.map((each) => `${each.id === member.id ? name : each.name}=${each.peerUrls[0]}`);
  return manage(await EtcdServer.start({ name, peerUrl, cluster: known.join(",") }), async () => {
    await eventually(() => cluster.promote(member.id, never));
    await eventually(() => cluster.promote(member.id, never));
  });
}

/** The one whose member leads, and the others. */
async function leaderAndOthers(managers: readonly Manager[]): Promise<[Manager, ...Manager[]]> {
  for (const manager of managers) {
    const { memberId, leaderId } = await manager.cluster.status(never);
    if (memberId === leaderId) return [manager, ...managers.filter((each) => each !== manager)];
  }
  throw new Error("no member leads");
}

test("members join as learners, share one state, and are removed", async () => {
  await using first = await startFirst();
  const web = await createOne(first.store, service("web"));
  await using second = await join(first, "m2");
  assert.deepEqual(await second.store.list("service", never), [web]);
  const db = await createOne(second.store, service("db"));
  while ((await first.store.read("service", "db", never)) === undefined) await pause(10);
  const taken = await first.store.commit([create(service("other", { spec: db.spec }))], never);
  assert.equal(taken.ok ? "ok" : taken.conflict.reason, "name");
  const members = await first.cluster.members(never);
  assert.deepEqual(
    new Set(members.map(({ name, isLearner }) => `${name} ${isLearner}`)),
    new Set(["m1 false", "m2 false"]),
  );
  const leaving = members.find(({ name }) => name === "m2");
  assert.ok(leaving);
  await eventually(() => first.cluster.remove(leaving.id, never));
  await first.cluster.remove(leaving.id, never);
  assert.equal((await first.cluster.members(never)).length, 1);
  await createOne(first.store, service("alone"));
});

test("a leader that is killed: every write is made, or refused with a reason", async () => {
  await using first = await startFirst();
  await using second = await join(first, "m2");
  await using third = await join(first, "m3");
  const [leader, survivor, last] = await leaderAndOthers([first, second, third]);
  assert.ok(survivor && last);
  const written: string[] = [];
  let stop = false;
  const writing = (async () => {
    for (let number = 0; !stop; number++) {
      await createOne(survivor.store, task(`t${number}`));
      written.push(`t${number}`);
    }
  })();
  while (written.length < 20) await pause(10);
  await leader.server.kill();
  const before = written.length;
  while (written.length < before + 50) await pause(10);
  stop = true;
  await writing;
  const found = (await survivor.store.list("task", never)).map(({ id }) => id);
  assert.deepEqual(found, written);
  while ((await last.store.list("task", never)).length < written.length) await pause(10);

  // Without a majority, reads go on; writes fail and say what to do, soon also at once.
  await last.server.kill();
  const message = /does not have a leader.*--force-new-cluster/;
  await assert.rejects(createOne(survivor.store, task("late")), { code: "unavailable" });
  await assert.rejects(createOne(survivor.store, task("late")), { code: "unavailable", message });
  assert.equal((await survivor.store.list("task", never)).length, written.length);
  const endpoint = survivor.server.endpoint;
  await using restarted = await openEtcdStore({ endpoint, codec: sealed }, never);
  assert.equal((await restarted.list("task", never)).length, written.length);
  await last.server.start();
  await eventually(() => createOne(survivor.store, task("again")));
});

test("a lease is lost before its objects vanish for others, when its member is frozen", async () => {
  await using first = await startFirst();
  await using second = await join(first, "m2");
  await using third = await join(first, "m3");
  const [leader, holder] = await leaderAndOthers([first, second, third]);
  assert.ok(holder);
  await using lease = await holder.store.lease(2_000, never);
  const object = { ...META, kind: "leadership", id: "leadership", nodeId: "n1", since: 0 } as const;
  const created = await holder.store.commit([{ type: "create", object, lease: lease.id }], never);
  assert.ok(created.ok);
  while ((await leader.store.read("leadership", "leadership", never)) === undefined) await pause(10);
  holder.server.freeze();
  let goneAt = 0;
  let lostAt = 0;
  lease.lost.addEventListener("abort", () => {
    lostAt = performance.now();
  });
  while ((await leader.store.read("leadership", "leadership", never)) !== undefined) await pause(10);
  goneAt = performance.now();
  assert.ok(lostAt > 0 && lostAt < goneAt, "lost too late");
  holder.server.thaw();
});

const META = { version: 0, createdAt: 0, updatedAt: 0 } as const;
