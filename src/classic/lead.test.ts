import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { Pulse } from "#base/pulse.ts";
import { seededRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { LeaderWork } from "#manager/leadership.ts";
import { container } from "#store/testing/samples.ts";
import { ClassicCluster } from "./classic-cluster.ts";
import { until } from "./test-bed.ts";

const ME = "me:4000";

/** An election whose outcome a test decides. */
class TestElection {
  readonly addr = ME;
  leader: string | undefined;
  readonly #changed = new Pulse();

  elect(leader: string): void {
    this.leader = leader;
    this.#changed.beat();
  }

  async *leaders(signal: AbortSignal): AsyncGenerator<string | undefined> {
    for (let told = this.leader; ; ) {
      yield told;
      while (told === this.leader) await this.#changed.wait(signal);
      told = this.leader;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A manager that does `work` while it is primary. */
function openManager(work: LeaderWork, election?: TestElection) {
  const jobs = new TaskGroup(AbortSignal.any([]));
  const cluster = new ClassicCluster({
    clock: systemClock,
    random: seededRandom(1),
    log: silentLogger,
    discovery: { watch: nothing },
    heartbeatMs: 10,
    patience: { pingMs: 50, failureRetry: 3, refreshMinMs: 100, refreshMaxMs: 200 },
    dial: () => Promise.reject(new Error("nobody is there")),
    ...(election && { election }),
  });
  jobs.spawn("cluster", (signal) => cluster.run(signal));
  jobs.spawn("work", (signal) => cluster.lead(work, signal));
  return { cluster, [Symbol.asyncDispose]: () => jobs[Symbol.asyncDispose]() };
}

async function* nothing(signal: AbortSignal): AsyncGenerator<ReadonlySet<string>> {
  yield new Set();
  await never(signal);
}

const never = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

test("the primary does the work, and forgets what it has written when it is no more", async () => {
  const election = new TestElection();
  let works = 0;
  await using manager = openManager(async (state, lost) => {
    works++;
    const written = await state.commit([{ type: "create", object: container("k") }], lost);
    assert.ok(written.ok);
    const again = await state.commit([{ type: "delete", kind: "container", id: "k", expect: 0 }], lost);
    assert.ok(!again.ok && again.conflict.reason === "sequence");
    return await never(lost);
  }, election);
  const { view } = manager.cluster.cluster();
  election.elect("other:4000");
  await until("a replica", () => manager.cluster.role.primary === "other:4000");
  assert.equal(works, 0);
  for (const count of [1, 2]) {
    election.elect(ME);
    await until("it works", () => works === count && view.get("container", "k") !== undefined);
    election.elect("other:4000");
    await until("it has forgotten", () => view.get("container", "k") === undefined);
  }
});

test("a manager alone does the work, and begins anew when it fails", { timeout: 10_000 }, async () => {
  let works = 0;
  await using _manager = openManager(async (_state, lost) => {
    if (++works === 1) throw new Error("failed");
    return await never(lost);
  });
  await until("it has begun anew", () => works === 2);
});
