import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { signalProcess } from "#base/process-identity.ts";
import { execute, type Finished } from "#lab/command.ts";
import { listLabs } from "#lab/definition.ts";
import { DEFAULT_LAB } from "#lab/lab.ts";
import { hostPaths, LAB_VARIABLE, labPaths } from "#lab/paths.ts";
import { hasEnvironment, listProcesses } from "#lab/process-table.ts";
import { tracesOf } from "#lab/traces.ts";
import { eventually, scene, signal } from "./cluster.ts";

const FLOTILLA = fileURLToPath(new URL("../../bin/flotilla", import.meta.url));
const flotilla = (...argv: readonly string[]): Promise<Finished> => execute({ argv: [FLOTILLA, ...argv] }, signal);

const isInUse = listLabs().includes(DEFAULT_LAB);
const options = isInUse ? { skip: `a lab ${DEFAULT_LAB} is up: take it down to run this` } : scene;

/** What is on this machine, but for what other labs may do meanwhile. */
const traces = async () => ({
  ...(await tracesOf(DEFAULT_LAB, signal)),
  context: (await execute({ argv: ["docker", "context", "ls", "--format", "{{.Name}}"] }, signal)).stdout,
});

test("up and down leave this machine as it was", { ...options, timeout: 300_000 }, async (t) => {
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(async () => void (await flotilla("down")));
  const before = await traces();
  const isClean = async () => assert.deepEqual(await traces(), before);

  await t.test("a docker context of the same name that is the user's own is left alone", async (context) => {
    const own = [
      "docker",
      "context",
      "create",
      "--description",
      "mine",
      "--docker",
      "host=unix:///nowhere",
      DEFAULT_LAB,
    ];
    if (before.context.split("\n").includes(DEFAULT_LAB)) return context.skip("there is such a context");
    await execute({ argv: own }, signal);
    assert.equal((await flotilla("down")).code, 0);
    const { code } = await execute({ argv: ["docker", "context", "rm", "--force", DEFAULT_LAB] }, signal);
    assert.equal(code, 0);
    return undefined;
  });

  await t.test("down has nothing to do where nothing is", async () => {
    assert.equal((await flotilla("down")).code, 0);
    await isClean();
  });

  await t.test("up makes a cluster, once; down removes it, twice", async () => {
    const up = await flotilla("up", "--hosts", "2");
    assert.equal(up.code, 0, up.stderr);
    assert.match(up.stdout, /The cluster is up/);
    const again = await flotilla("up");
    assert.equal(again.code, 1);
    assert.match(again.stderr, /the cluster is up already.*npm run down/);
    const socket = `unix://${hostPaths(DEFAULT_LAB, "h1").daemonSocket}`;
    const services = await execute({ argv: ["docker", "-H", socket, "service", "ls"] }, signal);
    assert.match(services.stdout, /flotilla\/shop-web:1/, "the refused command has left the cluster alone");
    for (let times = 0; times < 2; times++) assert.equal((await flotilla("down")).code, 0);
    await isClean();
  });

  await t.test("Ctrl-C at any moment of up leaves nothing", async () => {
    const moments = [
      () => existsSync(labPaths(DEFAULT_LAB).definition),
      () => existsSync(hostPaths(DEFAULT_LAB, "h1").engineSocket),
      () => existsSync(hostPaths(DEFAULT_LAB, "h2").daemonSocket),
    ];
    for (const moment of moments) {
      const up = spawn(FLOTILLA, ["up", "--hosts", "2"], { stdio: "ignore", detached: true });
      const ended = once(up, "exit");
      await eventually("up is at it", moment, 60_000);
      assert.ok(up.pid);
      process.kill(-up.pid, "SIGINT");
      const [code] = (await ended) as [number | null];
      assert.notEqual(code, 0);
      await isClean();
    }
  });

  await t.test("down removes what is left when everything was killed", async () => {
    assert.equal((await flotilla("up", "--hosts", "2", "--bare")).code, 0);
    const own = listProcesses().filter(({ pid }) => hasEnvironment(pid, LAB_VARIABLE, DEFAULT_LAB));
    assert.ok(own.length > 0);
    for (const process of own) signalProcess(process, "SIGKILL");
    assert.equal((await flotilla("down")).code, 0);
    await isClean();
  });

  await t.test("down removes what an up that was killed has made", async () => {
    const up = spawn(FLOTILLA, ["up", "--hosts", "2"], { stdio: "ignore", detached: true });
    const ended = once(up, "exit");
    await eventually("up is at it", () => existsSync(hostPaths(DEFAULT_LAB, "h1").engineSocket), 60_000);
    assert.ok(up.pid);
    process.kill(-up.pid, "SIGKILL");
    await ended;
    assert.equal((await flotilla("down")).code, 0);
    await isClean();
  });
});
