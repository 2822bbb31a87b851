import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { behaviourLabels } from "#engine/fake-container.ts";
import type { LogMessage, LogOptions } from "#wire/protocol.ts";
import { LogQueue } from "./log-queue.ts";
import { AgentBed } from "./testing/agent-bed.ts";
import { task } from "./testing/builders.ts";

const options: LogOptions = { stdout: true, stderr: true, follow: false };
const follow: LogOptions = { ...options, follow: true };
const text = (bed: AgentBed) =>
  bed.manager.batches.flatMap(({ messages }) => messages).map(({ data }) => Buffer.from(data).toString());
const ended = (bed: AgentBed) => bed.manager.batches.flatMap((batch) => batch.ended);

async function running(...taskIds: readonly string[]): Promise<AgentBed> {
  const bed = new AgentBed();
  bed.manager.put(...taskIds.map((id, index) => task(id, {}, { slot: index + 1 })));
  await bed.start();
  await bed.clock.advance(200);
  for (const id of taskIds) bed.engine.write(bed.container(id)?.id ?? "", "stdout", `${id} one\n${id} two\n`);
  return bed;
}

test("what there is, then the end of each task, then of the subscription", async () => {
  await using bed = await running("t1", "t2");
  bed.manager.subscribe({ id: "l1", close: false, options, taskIds: ["t1", "t2", "elsewhere"] });
  await bed.clock.advance(10);
  assert.deepEqual(text(bed).toSorted(), ["t1 one\n", "t1 two\n", "t2 one\n", "t2 two\n"]);
  assert.deepEqual(
    ended(bed)
      .map(({ taskId }) => taskId)
      .toSorted(),
    ["elsewhere", "t1", "t2"],
  );
  assert.equal(bed.manager.publishing, 0);
});

test("a task that is asked for when all others were read is read too", async () => {
  await using bed = await running("t1", "t2");
  for (const taskId of ["t1", "t2"]) {
    bed.manager.subscribe({ id: "l1", close: false, options, taskIds: [taskId] });
    await bed.clock.advance(10);
  }
  assert.deepEqual(text(bed), ["t1 one\n", "t1 two\n", "t2 one\n", "t2 two\n"]);
  assert.deepEqual(ended(bed), [{ taskId: "t1" }, { taskId: "t2" }]);
  // The same before the first answer has gone out.
  for (const taskId of ["t1", "t2"]) bed.manager.subscribe({ id: "l2", close: false, options, taskIds: [taskId] });
  await bed.clock.advance(10);
  assert.equal(ended(bed).length, 4);
  assert.equal(bed.manager.publishing, 0);
});

test("a follower gets lines as they come, until its container ends", async () => {
  await using bed = await running("t1");
  bed.manager.subscribe({ id: "l1", close: false, options: { ...follow, tail: 1 }, taskIds: ["t1"] });
  await bed.clock.advance(10);
  const id = bed.container("t1")?.id ?? "";
  bed.engine.write(id, "stderr", "late\n");
  await bed.clock.advance(10);
  assert.deepEqual(text(bed), ["t1 two\n", "late\n"]);
  assert.deepEqual(ended(bed), []);
  bed.engine.write(id, "stdout", "last words\n");
  bed.engine.exit(id, 1);
  await bed.clock.advance(10);
  assert.deepEqual(text(bed).at(-1), "last words\n");
  assert.deepEqual(ended(bed), [{ taskId: "t1" }]);
  assert.equal(bed.manager.publishing, 1);
});

test("a container that is removed in the middle has said what it had to say", async () => {
  await using bed = await running("t1");
  bed.manager.subscribe({ id: "l1", close: false, options: follow, taskIds: ["t1"] });
  await bed.clock.advance(10);
  bed.manager.remove(task("t1"));
  await bed.clock.advance(100);
  assert.equal(bed.container("t1"), undefined);
  assert.deepEqual(text(bed), ["t1 one\n", "t1 two\n"]);
  assert.deepEqual(ended(bed), [{ taskId: "t1" }]);
});

test("a follower waits for tasks that are still to come, and for their start", async () => {
  await using bed = await running();
  bed.manager.subscribe({ id: "l1", close: false, options: follow, taskIds: ["t1"] });
  await bed.clock.advance(10);
  const speaker = { Labels: behaviourLabels({ output: [{ stream: "stdout", text: "hello\n" }] }) };
  bed.manager.put(task("t1", speaker, { desired: "ready" }));
  await bed.clock.advance(100);
  assert.deepEqual([text(bed), ended(bed)], [[], []]);
  bed.manager.put(task("t1", speaker));
  bed.manager.subscribe({ id: "l1", close: false, options: follow, taskIds: ["t1", "t2"] });
  bed.manager.put(task("t2", { ...speaker, Image: "nobody/has:this" }, { slot: 2 }));
  await bed.clock.advance(100);
  assert.deepEqual(text(bed), ["hello\n"]);
  assert.deepEqual(ended(bed), [{ taskId: "t2" }]);
});

test("closing a subscription ends it, whatever it waits for", async () => {
  await using bed = await running("t1");
  bed.manager.subscribe({ id: "l1", close: false, options: follow, taskIds: ["t1", "later"] });
  await bed.clock.advance(10);
  assert.equal(bed.manager.publishing, 1);
  bed.manager.subscribe({ id: "l1", close: true, options: follow, taskIds: [] });
  await bed.clock.advance(10);
  assert.equal(bed.manager.publishing, 0);
  assert.deepEqual(ended(bed), []);
});

test("an engine that cannot read a log says why; the others go on", async () => {
  await using bed = await running("t1", "t2");
  bed.engine.failNext("logs", new FlotillaError("internal", "configured logging driver does not support reading"));
  bed.manager.subscribe({ id: "l1", close: false, options, taskIds: ["t1", "t2"] });
  await bed.clock.advance(10);
  const failed = ended(bed).filter(({ err }) => err !== undefined);
  assert.deepEqual(failed, [{ taskId: "t1", err: "configured logging driver does not support reading" }]);
  assert.deepEqual(text(bed), ["t2 one\n", "t2 two\n"]);
});

test("the end of the daemon and the loss of the manager end all that is read", async () => {
  const bed = await running("t1");
  bed.manager.subscribe({ id: "l1", close: false, options: follow, taskIds: ["t1"] });
  await bed.clock.advance(10);
  bed.manager.drop(new FlotillaError("unavailable", "lost"));
  await bed.clock.advance(10);
  assert.equal(bed.manager.publishing, 0);
  bed.manager.subscribe({ id: "l2", close: false, options: follow, taskIds: ["t1"] });
  await bed.clock.advance(1_000);
  await bed[Symbol.asyncDispose]();
  assert.equal(bed.manager.publishing, 0);
});

const line = (bytes: number): LogMessage => ({
  taskId: "t1",
  stream: "stdout",
  timestamp: "2026-01-01T00:00:00.000000000Z",
  data: new Uint8Array(bytes),
});

test("a slow client holds its readers up, and gets batches of bounded size, with the end last", async () => {
  const queue = new LogQueue("l1");
  let pushed = 0;
  const reader = (async () => {
    for (; pushed < 100; pushed++) await queue.push(line(64 * 1024));
    queue.taskEnded("t1");
    queue.end();
  })();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(pushed, 16);
  let lines = 0;
  let isOver = false;
  for await (const { messages, ended } of queue) {
    assert.equal(isOver, false);
    lines += messages.length;
    assert.ok(messages.length <= 4);
    isOver = ended.length > 0;
  }
  await reader;
  assert.equal(lines, 100);
});

test("a client that leaves lets its readers go", async () => {
  const queue = new LogQueue("l1");
  await queue.push(line(2 * 1024 * 1024));
  const waiting = queue.push(line(1));
  await queue.return();
  assert.equal(await waiting, false);
  assert.equal((await queue.next()).done, true);
});
