import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { ManualClock } from "#base/manual-clock.ts";
import type { NodeDescription } from "#model/spec.ts";
import { engineContract } from "./contract.ts";
import type { Program } from "./contract-subject.ts";
import { behaviourLabels, type FakeBehaviour } from "./fake-container.ts";
import { createFakeEngine } from "./fake-engine.ts";

const description: NodeDescription = {
  Hostname: "h1",
  Platform: { Architecture: "x86_64", OS: "linux" },
  Resources: { NanoCPUs: 2_000_000_000, MemoryBytes: 4_000_000_000 },
  Engine: { EngineVersion: "28.0.0", Plugins: [{ Type: "Network", Name: "overlay" }] },
};

const PROGRAMS: Readonly<Record<Program, FakeBehaviour>> = {
  sleeper: {},
  failing: { exitAfterMs: 1, exitCode: 3 },
  stubborn: { stopMs: "never" },
  healthy: { healthyAfterMs: 5 },
  unhealthy: { unhealthyAfterMs: 5, healthLog: "sick\n" },
  counter: { exitAfterMs: 1, output: [{ stream: "stdout", text: "1\n2\n3" }] },
  both: {
    exitAfterMs: 1,
    output: [
      { stream: "stdout", text: "out\n" },
      { stream: "stderr", text: "err\n" },
    ],
  },
  ready: { output: [{ stream: "stdout", text: "ready\n" }] },
};

engineContract("fake", async () => {
  const engine = createFakeEngine({ clock: systemClock, description });
  engine.addImage("busybox");
  return {
    engine,
    image: "busybox",
    program: (program) => ({ Image: "busybox", Labels: behaviourLabels(PROGRAMS[program]) }),
    crash: async () => engine.crash(),
    restart: async () => engine.restart(),
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
});

const { signal } = new AbortController();

async function fake(behaviour: FakeBehaviour = {}) {
  const clock = new ManualClock();
  const engine = createFakeEngine({ clock, description });
  engine.addImage("app:1", { behaviour });
  const id = await engine.createContainer("c", { Image: "app:1", Labels: {} }, signal);
  await engine.startContainer(id, signal);
  return { clock, engine, id };
}

const only = (engine: ReturnType<typeof createFakeEngine>) => {
  const [container] = engine.containers;
  assert.ok(container);
  return container;
};

test("behaves as its image says, at the clock's pace", async () => {
  const { clock, engine } = await fake({ healthyAfterMs: 1_000, exitAfterMs: 5_000, exitCode: 4 });
  assert.equal(only(engine).health, "starting");
  await clock.advance(999);
  assert.equal(only(engine).health, "starting");
  await clock.advance(1);
  assert.equal(only(engine).health, "healthy");
  await clock.advance(4_000);
  assert.deepEqual([only(engine).state, only(engine).exitCode], ["exited", 4]);
  await engine[Symbol.asyncDispose]();
});

test("takes its time to stop, unless the grace is shorter", async () => {
  for (const { graceMs, wantMs, wantCode } of [
    { graceMs: 10_000, wantMs: 3_000, wantCode: 0 },
    { graceMs: 2_000, wantMs: 2_000, wantCode: 137 },
  ]) {
    const { clock, engine, id } = await fake({ stopMs: 3_000 });
    const began = clock.now();
    const stopped = engine.stopContainer(id, graceMs, signal).then(() => clock.now() - began);
    await clock.advance(10_000);
    assert.equal(await stopped, wantMs);
    assert.equal(only(engine).exitCode, wantCode);
    await engine[Symbol.asyncDispose]();
  }
});

test("pulls what was published, slowly or not at all", async () => {
  const { clock, engine } = await fake();
  engine.publishImage("slow:1", { pullMs: 1_000 });
  engine.publishImage("bad:1", { pullError: new FlotillaError("internal", "disk full") });
  const pulled = engine.pullImage("docker.io/library/slow:1", undefined, signal);
  await clock.advance(999);
  assert.equal(await engine.inspectImage("slow:1", signal), undefined);
  await clock.advance(1);
  await pulled;
  const image = await engine.inspectImage("slow:1", signal);
  assert.deepEqual(await engine.inspectImage(image?.repoDigests[0] ?? "", signal), image);
  await assert.rejects(engine.pullImage("bad:1", undefined, signal), /disk full/);
  await assert.rejects(engine.pullImage("none:1", undefined, signal), { code: "not_found" });
  engine.removeImage("slow:1");
  assert.equal(await engine.inspectImage("slow:1", signal), undefined);
});

test("fails and dawdles where told, and counts its calls", async () => {
  const { clock, engine, id } = await fake();
  engine.failNext("inspectContainer", new FlotillaError("internal", "first"));
  await assert.rejects(engine.inspectContainer(id, signal), /first/);
  assert.equal((await engine.inspectContainer(id, signal))?.id, id);
  assert.equal(engine.calls("inspectContainer"), 2);
  engine.delay("describe", 100);
  const described = engine.describe(signal).then(() => clock.now());
  const began = clock.now();
  await clock.advance(200);
  assert.equal((await described) - began, 100);
});

test("a crash ends calls that wait, and containers unless they outlive the engine", async () => {
  const { clock, engine, id } = await fake({ stopMs: "never" });
  const stopping = assert.rejects(engine.stopContainer(id, 10_000, signal), { code: "unavailable" });
  await clock.settle();
  engine.crash({ liveRestore: true });
  await stopping;
  assert.equal(only(engine).state, "running");
  engine.restart();
  engine.crash();
  assert.deepEqual([only(engine).state, only(engine).exitCode], ["exited", 137]);
  await assert.rejects(engine.inspectContainer(id, signal), { code: "unavailable" });
});

test("a container can be ended, checked and made to speak from outside", async () => {
  const { engine, id } = await fake();
  engine.setHealth(id, "unhealthy", "no answer");
  assert.deepEqual([only(engine).health, only(engine).healthLog], ["unhealthy", "no answer"]);
  engine.write("c", "stderr", "one\ntwo");
  const lines = [];
  const options = { stdout: true, stderr: true, follow: false, tty: false };
  for await (const { data } of engine.logs(id, options, signal)) lines.push(new TextDecoder().decode(data));
  assert.deepEqual(lines, ["one\n", "two"]);
  engine.exit(id, 137, { oomKilled: true });
  assert.deepEqual([only(engine).exitCode, only(engine).oomKilled], [137, true]);
});
