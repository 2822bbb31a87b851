import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { EtcdProcess, isEtcdInstalled } from "./process.ts";

const { signal } = new AbortController();

/** A directory, and a program that stands for etcd: it says with what it was started, and sleeps. */
async function openPlace(program = '#!/bin/sh\necho "started with $*"\nexec sleep 1000\n') {
  const directory = await mkdtemp(join(tmpdir(), "flotilla-etcd-"));
  const path = process.env["PATH"];
  await writeFile(join(directory, "etcd"), program);
  await chmod(join(directory, "etcd"), 0o755);
  process.env["PATH"] = `${directory}:${path}`;
  return {
    deps: { clock: systemClock, runDir: join(directory, "run"), log: join(directory, "log") },
    async [Symbol.asyncDispose]() {
      process.env["PATH"] = path;
      await rm(directory, { recursive: true });
    },
  };
}

async function untilItSpoke(etcd: EtcdProcess): Promise<string> {
  while (etcd.logTail === "") await systemClock.sleep(5, signal);
  return etcd.logTail;
}

test("a process is taken over by who starts it with the same arguments", async () => {
  await using place = await openPlace();
  assert.equal(isEtcdInstalled(), true);
  assert.equal(await EtcdProcess.adopt(place.deps, ["--a"]), undefined);
  const first = await EtcdProcess.start(place.deps, ["--a"], ["--beginning"]);
  assert.equal(await untilItSpoke(first), "started with --a --beginning");
  const same = await EtcdProcess.adopt(place.deps, ["--a"]);
  assert.equal(same?.pid, first.pid);
  assert.equal(same?.isRunning, true);
  assert.equal(await EtcdProcess.adopt(place.deps, ["--b"]), undefined, "another one is in the way");
  assert.equal(first.isRunning, false, "and was stopped");
});

test("its words are those since its own start", async () => {
  await using place = await openPlace();
  for (const argument of ["--first", "--second"]) {
    const etcd = await EtcdProcess.start(place.deps, [argument], []);
    assert.equal(await untilItSpoke(etcd), `started with ${argument}`);
    await etcd.stop();
    await etcd.ended(signal);
    assert.equal(await EtcdProcess.adopt(place.deps, [argument]), undefined, "what has ended is not taken over");
  }
});

test("a machine without etcd is told what to install", async () => {
  await using place = await openPlace();
  process.env["PATH"] = place.deps.runDir;
  assert.equal(isEtcdInstalled(), false);
  await assert.rejects(EtcdProcess.start(place.deps, [], []), { code: "precondition", message: /etcd-server/ });
});
