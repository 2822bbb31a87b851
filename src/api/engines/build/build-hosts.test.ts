import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#base/manual-clock.ts";
import { BuildHosts } from "./build-hosts.ts";

const never = new AbortController().signal;

function bed() {
  const clock = new ManualClock();
  return { clock, builds: new BuildHosts(clock) };
}

test("calls for a build find its host, whichever comes first, until it is over", async () => {
  const { builds } = bed();
  const early = builds.hostOf("session", never);
  builds.begin(["session", "id"], "n2");
  assert.deepEqual([await early, await builds.hostOf("id", never)], ["n2", "n2"]);
  builds.end(["session", "id"]);
  assert.equal(await builds.hostOf("id", never), undefined, "at once");
});

test("nobody waits longer for a build that is refused", async () => {
  const { builds } = bed();
  const early = builds.hostOf("session", never);
  builds.end(["session"]);
  assert.equal(await early, undefined);
});

test("a session without a build is let go after five seconds, or one where other clients drive the builder", async () => {
  const { clock, builds } = bed();
  for (const ms of [5_000, 1_000]) {
    let isOver = false;
    const waiting = builds.hostOf(`session ${ms}`, never).then((host) => {
      assert.equal(host, undefined);
      isOver = true;
    });
    await clock.advance(ms - 1);
    assert.equal(isOver, false);
    await clock.advance(1);
    await waiting;
    builds.noteOtherBuilds();
  }
});

test("the host of a name's last build is remembered", () => {
  const { builds } = bed();
  builds.remember(["app:1", "app:2"], "n1");
  builds.remember(["app:2"], "n2");
  assert.deepEqual([builds.lastHostOf(["new", "app:1"]), builds.lastHostOf(["app:2"])], ["n1", "n2"]);
  assert.equal(builds.lastHostOf(["new"]), undefined);
});
