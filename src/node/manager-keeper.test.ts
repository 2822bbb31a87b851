import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { aborted } from "#base/abort.ts";
import { systemClock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { NodeRole } from "#model/spec.ts";
import { CurrentIdentity } from "#wire/identity.ts";
import { createTestCluster } from "#wire/testing/cluster.ts";
import { KeyRing } from "./key-ring.ts";
import type { ManagerHost } from "./manager-host.ts";
import { ManagerKeeper } from "./manager-keeper.ts";
import { nodePaths } from "./paths.ts";
import { SavedState, StateFile } from "./state-file.ts";

/** A node whose manager does nothing but to say that it answers. */
async function openBed(role: NodeRole) {
  const root = await mkdtemp(join(tmpdir(), "flotilla-keeper-"));
  const paths = nodePaths(join(root, "data"), join(root, "run"));
  const cluster = await createTestCluster();
  const identities = {
    manager: await cluster.issue("manager", { nodeId: "n1" }),
    worker: await cluster.issue("worker", { nodeId: "n1" }),
  };
  const identity = new CurrentIdentity(identities[role]);
  const random = seededRandom(1);
  const state = new SavedState(new StateFile(paths.state), {
    nodeId: "n1",
    clusterId: cluster.id,
    role,
    listenAddr: "0.0.0.0:2377",
    advertiseAddr: "10.0.0.1:2377",
    dataPathAddr: "",
    managers: [],
  });
  const terms: string[] = [];
  let failure: Error | undefined;
  const keeper = new ManagerKeeper({
    clock: systemClock,
    random,
    log: silentLogger,
    paths,
    identity,
    keys: new KeyRing(paths, random, undefined, undefined),
    state,
    async runManager(onReady, signal) {
      terms.push("begins");
      if (failure !== undefined) {
        const reason = failure;
        failure = undefined;
        throw reason;
      }
      onReady({} as ManagerHost);
      await aborted(signal);
      terms.push("ends");
      throw signal.reason;
    },
    onUp: () => terms.push("up"),
    onFailure: () => terms.push("failed"),
  });
  const jobs = new TaskGroup(new AbortController().signal);
  jobs.spawn("keeper", (signal) => keeper.run(signal));
  return {
    paths,
    state,
    keeper,
    terms,
    failNext: (reason: Error) => (failure = reason),
    become: (next: NodeRole) => identity.replace(identities[next]),
    async until(words: readonly string[]) {
      while (terms.length < words.length) await systemClock.sleep(5, jobs.signal);
      assert.deepEqual(terms, words);
    },
    async [Symbol.asyncDispose]() {
      await jobs[Symbol.asyncDispose]();
      await rm(root, { recursive: true });
    },
  };
}

test("a manager runs while the certificate says so, and leaves nothing behind", async () => {
  await using bed = await openBed("worker");
  assert.equal(bed.keeper.host, undefined);
  bed.become("manager");
  await bed.until(["begins", "up"]);
  assert.ok(bed.keeper.host);
  assert.equal(bed.state.current.role, "manager");
  bed.state.update({ store: "etcd" });
  await mkdir(bed.paths.etcd, { recursive: true });
  await writeFile(bed.paths.store, "");
  bed.become("worker");
  await bed.until(["begins", "up", "ends"]);
  while (bed.state.current.role === "manager") await systemClock.sleep(5, new AbortController().signal);
  assert.equal(bed.keeper.host, undefined);
  assert.equal(bed.state.current.store, undefined);
  assert.deepEqual([existsSync(bed.paths.etcd), existsSync(bed.paths.store)], [false, false]);
  bed.become("manager");
  await bed.until(["begins", "up", "ends", "begins", "up"]);
});

test("a manager that fails is started again, and says meanwhile what is wrong", async () => {
  await using bed = await openBed("worker");
  bed.failNext(new FlotillaError("unavailable", "the disk is full"));
  bed.become("manager");
  await bed.until(["begins", "failed", "begins", "up"]);
  assert.equal(bed.keeper.problem, "");
});
