import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { KINDS } from "#model/objects.ts";
import type { View } from "#model/view.ts";
import { Cache } from "./cache.ts";
import { openMemoryStore } from "./memory.ts";
import { openReplica, type Replica } from "./replica.ts";
import { StoreState } from "./state.ts";
import type { Commit, Store, Watch } from "./store.ts";
import { committed, create, createOne, never, remove, update } from "./testing/driver.ts";
import { service, task } from "./testing/samples.ts";

/** No wait takes any time. */
const hastyClock: Clock = { now: () => 0, sleep: async (_ms, signal) => signal.throwIfAborted() };
const deps = { clock: hastyClock, random: seededRandom(1), log: silentLogger };

interface Running extends AsyncDisposable {
  readonly replica: Replica;
  readonly jobs: TaskGroup;
}

async function running(store: Pick<Store, "commit" | "watch">): Promise<Running> {
  const jobs = new TaskGroup(never);
  const replica = await openReplica(store, deps, jobs.signal);
  jobs.spawn("replica", (signal) => replica.run(signal));
  return { replica, jobs, [Symbol.asyncDispose]: () => jobs[Symbol.asyncDispose]() };
}

const contents = (view: View) => KINDS.map((kind) => [...view.list(kind)]);

/** A store whose watches break with `error` after `commits` commits each. */
const breaking = (store: Store, commits: number, error: unknown): Pick<Store, "commit" | "watch"> => ({
  commit: (operations, signal) => store.commit(operations, signal),
  async watch(signal): Promise<Watch> {
    const watch = await store.watch(signal);
    async function* some(): AsyncGenerator<Commit> {
      let left = commits;
      for await (const commit of watch.commits) {
        if (left-- === 0) throw error;
        yield commit;
      }
    }
    return { ...watch, commits: some() };
  },
});

const broken = new FlotillaError("unavailable", "the connection broke");

test("the view shows what was there, and each commit once it resolves", async () => {
  await using store = openMemoryStore();
  const old = await createOne(store, service("old"));
  await using follower = await running(store);
  const { replica } = follower;
  assert.equal(replica.view.get("service", "old"), await store.read("service", "old", never));
  const revision = committed(await replica.commit([create(service("new")), update({ ...old, specVersion: 2 })], never));
  assert.equal(replica.view.revision, revision);
  assert.equal(replica.view.get("service", "old")?.specVersion, 2);
  assert.ok(replica.view.byName("service", "new"));
});

test("a refused commit says why", async () => {
  await using store = openMemoryStore();
  await using follower = await running(store);
  await createOne(follower.replica, service("web"));
  const result = await follower.replica.commit([create(service("web"))], never);
  assert.equal(result.ok ? "ok" : result.conflict.reason, "exists");
});

test("subscribers get every commit from the call on, when the view shows it", async () => {
  await using store = openMemoryStore();
  await using follower = await running(store);
  const { replica } = follower;
  await createOne(replica, task("before"));
  const commits = replica.commits(never)[Symbol.asyncIterator]();
  await Promise.all(["1", "2", "3"].map((id) => createOne(store, task(id))));
  for (const id of ["1", "2", "3"]) {
    const { value } = await commits.next();
    assert.ok(replica.view.revision >= value.revision);
    assert.deepEqual(value.changes, [{ type: "create", kind: "task", object: replica.view.get("task", id) }]);
  }
});

test("settled waits for the revision, or until its signal aborts", async () => {
  await using store = openMemoryStore();
  await using follower = await running(store);
  const { replica } = follower;
  const next = replica.view.revision + 1;
  const leaving = new AbortController();
  const left = replica.settled(next, leaving.signal);
  leaving.abort(new Error("gone"));
  await assert.rejects(left, /gone/);
  await assert.rejects(replica.settled(next, leaving.signal), /gone/);
  const reached = replica.settled(next, never);
  await createOne(store, task("t"));
  await reached;
  assert.ok(replica.view.get("task", "t"));
  await replica.settled(next, never);
});

test("a replica that lags starts again, and its subscribers miss nothing", async () => {
  const state = new StoreState();
  await using writer = openMemoryStore(state);
  await using store = openMemoryStore(state, { watchBuffer: 2 });
  const gone = await createOne(writer, task("gone"));
  await using follower = await running(store);
  const { replica } = follower;
  const own = new Cache(replica.view.revision, await writer.list("task", never));
  const commits = replica.commits(never)[Symbol.asyncIterator]();
  const results = await Promise.all([
    ...["1", "2", "3", "4", "5"].map((id) => writer.commit([create(task(id))], never)),
    writer.commit([remove(gone)], never),
  ]);
  const last = Math.max(...results.map(committed));
  await replica.settled(last, never);
  const { value } = await commits.next();
  assert.equal(value.revision, last, "all that was missed comes as one commit");
  own.apply(value);
  assert.deepEqual(
    [...own.list("task")].map(({ id }) => id),
    ["1", "2", "3", "4", "5"],
  );
  assert.deepEqual(contents(own), contents(replica.view));
});

test("a watch that cannot be opened is tried again", async () => {
  await using store = openMemoryStore();
  let watches = 0;
  const flaky = {
    ...breaking(store, 0, broken),
    watch: async (signal: AbortSignal) => {
      watches++;
      if (watches === 2 || watches === 3) throw broken;
      return watches === 1 ? breaking(store, 0, broken).watch(signal) : store.watch(signal);
    },
  };
  await using follower = await running(flaky);
  await createOne(follower.replica, task("1"));
  await createOne(follower.replica, task("2"));
  assert.equal(watches, 4);
});

test("a watch that will not heal ends the job", async () => {
  await using store = openMemoryStore();
  const damaged = new FlotillaError("internal", "damaged");
  await using follower = await running(breaking(store, 0, damaged));
  const commits = follower.replica.commits(never)[Symbol.asyncIterator]();
  await assert.rejects(createOne(follower.replica, task("1")), { code: "unavailable" });
  await assert.rejects(follower.jobs.done(), { cause: damaged });
  await assert.rejects(commits.next(), { code: "unavailable" });
});

test("a replica that is stopped lets go of all that waits for it", async () => {
  await using store = openMemoryStore();
  const follower = await running(store);
  const { replica } = follower;
  const reader = assert.rejects(replica.commits(never)[Symbol.asyncIterator]().next(), { code: "unavailable" });
  const waiter = assert.rejects(replica.settled(99, never), { code: "unavailable" });
  await follower[Symbol.asyncDispose]();
  await Promise.all([reader, waiter]);
});

test("whatever breaks, subscribers and view come to what the store has", async () => {
  const step = fc.record({ id: fc.integer({ min: 0, max: 5 }).map(String), remove: fc.boolean(), pause: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.integer({ min: 0, max: 3 }), async (steps, commits) => {
      await using store = openMemoryStore();
      await using follower = await running(breaking(store, commits, broken));
      const { replica } = follower;
      const own = new Cache();
      const received = replica.commits(never)[Symbol.asyncIterator]();
      let revision = 0;
      for (const { id, remove: removes, pause } of steps) {
        const old = await store.read("task", id, never);
        const object = { ...task(id), createdAt: old?.createdAt ?? revision, slot: revision };
        const operation = old === undefined ? create(object) : removes ? remove(old) : update(object, old.version);
        revision = committed(await (pause ? replica : store).commit([operation], never));
      }
      await replica.settled(revision, never);
      while (own.revision < revision) own.apply((await received.next()).value);
      assert.deepEqual(contents(own), contents(replica.view));
      assert.deepEqual([...replica.view.list("task")], await store.list("task", never));
    }),
    { numRuns: 100 },
  );
});
