import assert from "node:assert/strict";
import { test } from "node:test";
import { LinkedAbort } from "#base/abort.ts";
import { FlotillaError } from "#base/errors.ts";
import { silentLogger } from "#base/log.ts";
import { ManualClock } from "#base/manual-clock.ts";
import { seededRandom } from "#base/random.ts";
import { LEADERSHIP_ID } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import { openMemoryStore } from "#store/memory.ts";
import { openReplica } from "#store/replica.ts";
import { StoreState } from "#store/state.ts";
import type { Lease, Store } from "#store/store.ts";
import { liveManager } from "#store/testing/samples.ts";
import { type LeaderWork, lead } from "./leadership.ts";
import type { ClusterState } from "./state.ts";
import { aNode, aService } from "./testing/fixture.ts";

/** The longest that nobody may lead after a leader is gone. */
const FAILOVER_MS = 3_000;

/** Managers on one database, each with a store, a replica and a campaign of its own. */
class TestManagers {
  readonly clock = new ManualClock();
  readonly #state = new StoreState();
  readonly #stop = new AbortController();
  /** The manager whose member leads the store. */
  storeLeader = "";
  /** Who works, in the order in which they began; never more than one. */
  readonly leaders: { readonly name: string; readonly fenced: ClusterState; readonly lost: AbortSignal }[] = [];

  /** Starts a manager. */
  async start(name: string, work: LeaderWork = this.work(name), leaseDelayMs = 0) {
    const life = new LinkedAbort(this.#stop.signal);
    const store = openMemoryStore(this.#state, { clock: this.clock });
    const parts = { clock: this.clock, random: seededRandom(1), log: silentLogger };
    const state = await openReplica(store, parts, life.signal);
    const running = state.run(life.signal).catch(() => undefined);
    const leases: Pick<Store, "lease"> = {
      lease: async (ttlMs, signal) => {
        if (leaseDelayMs > 0) await this.clock.sleep(leaseDelayMs, signal);
        return await store.lease(ttlMs, signal);
      },
    };
    const storeLeads = () => this.storeLeader === name;
    const ended = lead(state, { ...parts, nodeId: name, leases, storeLeads }, work, life.signal);
    ended.catch(() => undefined);
    return {
      state,
      ended,
      /** Stops as a daemon does that is asked to. */
      stop: async () => {
        life.abort(new Error("stopped"));
        await ended.catch(() => undefined);
        await running;
      },
      /** The process ends, and its store hears nothing more of it. */
      crash: async () => {
        await store[Symbol.asyncDispose]();
        life.abort(new Error("crashed"));
      },
      store,
    };
  }

  work =
    (name: string): LeaderWork =>
    (fenced, lost) => {
      this.leaders.push({ name, fenced, lost });
      return new Promise((_, reject) => lost.addEventListener("abort", () => reject(lost.reason), { once: true }));
    };

  get present(): readonly string[] {
    return this.leaders.filter(({ lost }) => !lost.aborted).map(({ name }) => name);
  }

  /** Has the others know these as managers that are alive. @returns the lease that they live by. */
  async announce(names: readonly string[]): Promise<Lease> {
    const { signal } = this.#stop;
    const store = openMemoryStore(this.#state, { clock: this.clock });
    const lease = await store.lease(2_000, signal);
    const objects = names.map((id) => {
      const node = aNode({ id });
      return { ...node, spec: { ...node.spec, Role: "manager" as const } };
    });
    await store.commit(
      [
        ...objects.map((object): Operation => ({ type: "create", object })),
        ...names.map((id): Operation => ({ type: "create", object: liveManager(id), lease: lease.id })),
      ],
      signal,
    );
    return lease;
  }

  /** Deletes the leadership, as no store does. */
  async overthrow(): Promise<void> {
    const store = openMemoryStore(this.#state);
    const leadership = this.#state.objects.get("leadership", LEADERSHIP_ID);
    const expect = leadership?.version ?? 0;
    await store.commit([{ type: "delete", kind: "leadership", id: LEADERSHIP_ID, expect }], this.#stop.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the test is over"));
    await this.clock.advance(10_000);
  }
}

test("one of several leads; when it stops, another does at once", async () => {
  await using managers = new TestManagers();
  const a = await managers.start("a");
  await managers.clock.advance(10);
  assert.deepEqual(managers.present, ["a"]);
  await managers.start("b");
  await managers.start("c");
  await managers.clock.advance(60_000);
  assert.deepEqual(managers.present, ["a"]);
  await a.stop();
  await managers.clock.advance(10);
  assert.equal(managers.present.length, 1);
  assert.notEqual(managers.present[0], "a");
});

test("when the leader crashes, another leads in less than three seconds, and its work was over before", async () => {
  await using managers = new TestManagers();
  const a = await managers.start("a");
  await managers.clock.advance(10);
  await managers.start("b");
  await managers.clock.advance(10_000);
  await a.crash();
  await managers.clock.advance(10);
  assert.deepEqual(managers.present, []);
  await managers.clock.advance(FAILOVER_MS);
  assert.deepEqual(managers.present, ["b"]);
});

test("a manager that was slow to stand for leadership leaves it to who was faster", async () => {
  await using managers = new TestManagers();
  await managers.start("slow", managers.work("slow"), 1_000);
  await managers.clock.advance(10);
  await managers.start("fast");
  await managers.clock.advance(10_000);
  assert.deepEqual(managers.present, ["fast"]);
  assert.equal(managers.leaders.length, 1);
});

test("a manager that starts anew takes up the leadership that it left behind", async () => {
  await using managers = new TestManagers();
  const a = await managers.start("a");
  await managers.clock.advance(10);
  await a.crash();
  await managers.start("a");
  await managers.clock.advance(10);
  assert.deepEqual(managers.present, ["a"]);
});

test("writes of a leader are accepted until another leads, and stop it then", async () => {
  await using managers = new TestManagers();
  await managers.start("a");
  await managers.clock.advance(10);
  const [first] = managers.leaders;
  assert.ok(first);
  const { fenced, lost } = first;
  const write = (id: string) =>
    fenced.commit([{ type: "create", object: aService({ id }) }], new AbortController().signal);
  assert.ok((await write("one")).ok);
  const twice = await write("one");
  assert.ok(!twice.ok && twice.conflict.reason === "exists" && !lost.aborted);
  const overthrown = managers.overthrow();
  await assert.rejects(write("two"), { code: "unavailable", message: /former leader/ });
  await overthrown;
  assert.ok(lost.aborted);
  await managers.clock.advance(10);
  assert.equal(managers.leaders.length, 2);
  assert.equal(fenced.view.get("service", "two"), undefined);
});

test("a leader whose leadership is gone stops although it writes nothing", async () => {
  await using managers = new TestManagers();
  await managers.start("a");
  await managers.clock.advance(10);
  await managers.overthrow();
  await managers.clock.advance(10);
  assert.ok(managers.leaders[0]?.lost.aborted);
  assert.equal(managers.present.length, 1);
});

test("a leader that is being demoted lets another lead, and stands again when there is none", async () => {
  await using managers = new TestManagers();
  const a = await managers.start("a");
  await managers.clock.advance(10);
  await managers.start("b");
  const lease = await managers.announce(["b"]);
  const created = await a.state.commit([{ type: "create", object: aNode({ id: "a" }) }], new AbortController().signal);
  assert.ok(created.ok);
  await managers.clock.advance(10);
  assert.deepEqual(managers.present, ["b"]);
  await lease[Symbol.asyncDispose]();
  await managers.overthrow();
  await managers.clock.advance(10);
  assert.equal(managers.present.length, 1);
});

test("a manager whose member leads the store leaves a vacancy to the others", async () => {
  await using managers = new TestManagers();
  const a = await managers.start("a");
  await managers.clock.advance(10);
  managers.storeLeader = "b";
  await managers.start("b");
  const c = await managers.start("c");
  await managers.announce(["b", "c"]);
  await managers.clock.advance(10_000);
  await a.crash();
  await managers.clock.advance(FAILOVER_MS);
  assert.deepEqual(managers.present, ["c"]);
  await managers.start("a");
  await managers.clock.advance(10_000);
  await c.crash();
  await managers.clock.advance(FAILOVER_MS);
  assert.deepEqual(managers.present, ["a"], "every time");
});

test("a manager whose member leads the store leads when nobody else does", async () => {
  await using managers = new TestManagers();
  managers.storeLeader = "a";
  const lease = await managers.announce(["b"]);
  await managers.start("a");
  await managers.clock.advance(1_000);
  assert.deepEqual(managers.present, ["a"]);
  await lease[Symbol.asyncDispose]();
});

test("a leader whose member has come to lead the store lets another lead", async () => {
  await using managers = new TestManagers();
  await managers.start("a");
  await managers.clock.advance(10);
  await managers.start("b");
  const lease = await managers.announce(["a", "b"]);
  managers.storeLeader = "a";
  await managers.clock.advance(1_000);
  managers.storeLeader = "b";
  await managers.clock.advance(10_000);
  assert.deepEqual(managers.present, ["a"], "not for a moment only");
  managers.storeLeader = "a";
  await managers.clock.advance(3_000);
  assert.deepEqual(managers.present, ["b"]);
  managers.storeLeader = "b";
  await lease[Symbol.asyncDispose]();
  await managers.clock.advance(10_000);
  assert.deepEqual(managers.present, ["b"], "nobody else is there");
});

test("a leader whose work fails gives up its leadership", async () => {
  await using managers = new TestManagers();
  const broken = Promise.withResolvers<never>();
  const a = await managers.start("a", () => broken.promise);
  await managers.clock.advance(10);
  await managers.start("b");
  broken.reject(new Error("a loop failed"));
  await assert.rejects(a.ended, { message: "a loop failed" });
  await managers.clock.advance(10);
  assert.deepEqual(managers.present, ["b"]);
});

test("a store without an answer is asked again", async () => {
  await using managers = new TestManagers();
  const a = await managers.start("a");
  await a.stop();
  const store = openMemoryStore(new StoreState(), { clock: managers.clock });
  const stop = new AbortController();
  const parts = { clock: managers.clock, random: seededRandom(1), log: silentLogger };
  const state = await openReplica(store, parts, stop.signal);
  const running = state.run(stop.signal).catch(() => undefined);
  let asked = 0;
  const leases = {
    lease: async (ttlMs: number, signal: AbortSignal) => {
      if (++asked < 5) throw new FlotillaError("unavailable", "no quorum");
      return store.lease(ttlMs, signal);
    },
  };
  const deps = { ...parts, nodeId: "b", leases, storeLeads: () => false };
  const ended = lead(state, deps, managers.work("b"), stop.signal).catch(() => undefined);
  await managers.clock.advance(10_000);
  assert.deepEqual(managers.present, ["b"]);
  stop.abort(new Error("the test is over"));
  await Promise.all([ended, running]);
});
