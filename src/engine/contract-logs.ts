import assert from "node:assert/strict";
import { test } from "node:test";
import { EVERYTHING, type Subject, text } from "./contract-subject.ts";
import type { ContainerLogLine } from "./engine.ts";

/** Reading and following logs. */
export function logContract(subject: Subject): void {
  const { signal } = new AbortController();

  test("reads logs of both streams, with nanoseconds", async () => {
    const { id } = await subject.startAndEnd("both");
    const lines = await subject.readLogs(id);
    assert.equal(text(lines, "stdout"), "out\n");
    assert.equal(text(lines, "stderr"), "err\n");
    for (const { timestamp } of lines) assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    assert.equal(text(await subject.readLogs(id, { stdout: false })), "err\n");
  });

  test("reads logs line by line, from the end, and from a time on", async () => {
    const { id } = await subject.startAndEnd("counter");
    const lines = await subject.readLogs(id);
    const texts = (some: readonly ContainerLogLine[]) => some.map((line) => text([line]));
    // A last line without an end gets one from some log drivers.
    assert.deepEqual(
      texts(lines).map((line) => line.trimEnd()),
      ["1", "2", "3"],
    );
    assert.deepEqual(texts(await subject.readLogs(id, { tail: 2 })), texts(lines).slice(1));
    assert.deepEqual(await subject.readLogs(id, { tail: 0 }), []);
    assert.deepEqual(await subject.readLogs(id, { since: lines[0]?.timestamp ?? "" }), lines);
    assert.deepEqual(await subject.readLogs(id, { since: "2999-01-01T00:00:00Z" }), []);
  });

  test("reads a terminal's log", async () => {
    const { id } = await subject.startAndEnd("both", { Tty: true });
    assert.equal((await subject.inspect(id)).tty, true);
    const lines = await subject.readLogs(id, { tty: true });
    assert.deepEqual(lines.map((line) => text([line])).toSorted(), ["err\r\n", "out\r\n"]);
  });

  test("follows a log until the container ends, or the reader leaves", async () => {
    const { id } = await subject.start("ready");
    const lines: string[] = [];
    for await (const line of subject.engine.logs(id, { ...EVERYTHING, follow: true }, signal)) {
      lines.push(text([line]));
      await subject.engine.stopContainer(id, 30_000, signal);
    }
    assert.deepEqual(lines, ["ready\n"]);
    const again = await subject.start("ready");
    for await (const _ of subject.engine.logs(again.id, { ...EVERYTHING, follow: true }, signal)) break;
  });
}
