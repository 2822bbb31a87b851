import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, rmSync } from "node:fs";
import { describe, test } from "node:test";
import { labImages, loadImages } from "./images.ts";
import { Lab } from "./lab.ts";
import { labPaths } from "./paths.ts";
import { missing, PREREQUISITES } from "./prerequisites.ts";
import { down, downAbandoned } from "./teardown.ts";
import { tracesOf } from "./traces.ts";
import { until } from "./until.ts";

const { signal } = new AbortController();
/** Where the tests have to count, they run, and fail if they cannot. */
const maySkip = process.env["CI"] === undefined;
const skip =
  maySkip && (process.getuid?.() !== 0 ? "needs root" : missing(PREREQUISITES).length > 0 && "needs `flotilla up`");

describe("taking a lab down", { skip }, () => {
  const name = `d${process.pid}`;
  const lab = JSON.stringify(new URL("./lab.ts", import.meta.url).href);

  /** Starts a lab in another process, which is killed when `isTime` says so. */
  async function startAndKill(isTime: () => boolean): Promise<void> {
    const program = `
      import { Lab } from ${lab};
      await Lab.start({ name: "${name}", hosts: 2, temporary: true }, new AbortController().signal);
      setInterval(() => undefined, 1_000_000);`;
    const starter = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "inherit" });
    const ended = once(starter, "exit");
    const look = () => {
      assert.equal(starter.exitCode, null, "the starter has ended by itself");
      return isTime();
    };
    await until("the time to kill the starter", 60_000, look, signal);
    starter.kill("SIGKILL");
    await ended;
  }
  const hasEngines = () => globSync(`${labPaths(name).processes}/*.engine.json`).length === 2;

  test("leaves nothing behind, with containers running, an engine that hangs and another lab beside it", async () => {
    await using other = await Lab.start({ name: `o${process.pid}`, hosts: 1, temporary: true }, signal);
    const clean = await tracesOf(name, signal);
    {
      await using made = await Lab.start({ name, hosts: 2, temporary: true }, signal);
      await assert.rejects(Lab.start({ name }, signal), { code: "exists" });
      await loadImages(made.hosts, await labImages(signal), signal);
      for (const host of made.hosts) await host.docker(["run", "--detach", "busybox", "sleep", "1000"], signal);
      made.host("h2").engine.freeze();
      const busy = await tracesOf(name, signal);
      assert.deepEqual(busy.links, clean.links, "no interface is made outside of the lab's namespaces");
      assert.deepEqual(busy.namespaces.length, 3);
      assert.equal(busy.containers.length, 2);
      assert.ok(busy.processes.length > 4 && busy.cgroups.length > 0 && busy.mounts.length > 0);
    }
    assert.deepEqual(await tracesOf(name, signal), clean);
    assert.equal((await other.host("h1").docker(["info", "--format", "{{.Name}}"], signal)).trim(), "h1");
    await down(name, signal);
    assert.throws(() => Lab.open(name), { code: "not_found" });
  });

  test("cleans up after a starter that was killed half way", async () => {
    const clean = await tracesOf(name, signal);
    await startAndKill(() => existsSync(`${labPaths(name).processes}/h1.init.json`));
    assert.notDeepEqual(await tracesOf(name, signal), clean);
    assert.deepEqual(await downAbandoned(signal), [name]);
    assert.deepEqual(await tracesOf(name, signal), clean);
  });

  test("works without any of the records", async () => {
    const clean = await tracesOf(name, signal);
    await startAndKill(hasEngines);
    rmSync(labPaths(name).run, { recursive: true });
    await down(name, signal);
    assert.deepEqual(await tracesOf(name, signal), clean);
  });

  test("happens by itself when a lab cannot be started", async () => {
    const clean = await tracesOf(name, signal);
    await assert.rejects(Lab.start({ name, hosts: 1, engine: { "no-such-setting": 1 } }, signal), /no-such-setting/);
    assert.deepEqual(await tracesOf(name, signal), clean);
  });
});
