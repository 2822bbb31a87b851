import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { ManualClock } from "#base/manual-clock.ts";
import { seededRandom } from "#base/random.ts";
import { never } from "#store/testing/driver.ts";
import { fromEtcd } from "./errors.ts";
import { Patience } from "./patience.ts";

const noLeader = fromEtcd(new ConnectError("etcdserver: no leader", Code.Unavailable));

/** How many tries are allowed until the failure is passed on. */
async function tries(patience: Patience, clock: ManualClock): Promise<number> {
  for (let count = 1; ; count++) {
    const waiting = patience.afterFailure(noLeader, never);
    const outcome = waiting.then(
      () => "again",
      () => "failed",
    );
    await clock.advance(200);
    if ((await outcome) === "failed") return count;
  }
}

test("a trouble that has just begun is waited for; when it lasts, each write is tried once", async () => {
  const clock = new ManualClock();
  const patience = new Patience(clock, seededRandom(1));
  assert.ok((await tries(patience, clock)) > 10);
  assert.equal(await tries(patience, clock), 1);
  patience.succeeded();
  assert.ok((await tries(patience, clock)) > 10);
});

test("what will not pass is not waited for", async () => {
  const patience = new Patience(new ManualClock(), seededRandom(1));
  const full = fromEtcd(new ConnectError("etcdserver: mvcc: database space exceeded", Code.ResourceExhausted));
  await assert.rejects(patience.afterFailure(full, never), /full/);
});
