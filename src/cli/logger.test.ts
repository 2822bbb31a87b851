import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { createLogger } from "./logger.ts";

/** The lines that `write` leaves in the log. */
function lines(format: "text" | "json", write: (log: Logger) => void, level = "info"): readonly string[] {
  const written: string[] = [];
  write(createLogger(level, format, { write: (line: string) => written.push(line) }));
  return written;
}

/** A line of text without its time, which is checked. */
function untimed(line: string | undefined): string {
  const [, rest] = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (.*)\n$/s.exec(line ?? "") ?? [];
  assert.ok(rest !== undefined, line);
  return rest;
}

for (const { name, fields, want } of [
  { name: "no fields", fields: {}, want: "WARN happened" },
  { name: "plain fields", fields: { nodeId: "n1", count: 3 }, want: "WARN happened nodeId=n1 count=3" },
  { name: "a field with spaces", fields: { what: "two words" }, want: 'WARN happened what="two words"' },
  { name: "an empty field", fields: { what: "" }, want: 'WARN happened what=""' },
  { name: "a structured field", fields: { tags: ["a", "b"] }, want: 'WARN happened tags=["a","b"]' },
  { name: "a line break", fields: { what: "a\nb" }, want: 'WARN happened what="a\\nb"' },
]) {
  test(`text with ${name}`, () => {
    const [line, ...rest] = lines("text", (log) => log.warn(fields, "happened"));
    assert.equal(untimed(line), want);
    assert.deepEqual(rest, []);
  });
}

test("an error in text is what happened and why, without its stack", () => {
  const err = new FlotillaError("unavailable", "no answer", { cause: new Error("refused") });
  const [line] = lines("text", (log) => log.error({ err, taskId: "t1" }, "call failed"));
  assert.match(untimed(line), /^ERROR call failed err="no answer: refused/);
  assert.match(untimed(line), / taskId=t1$/);
  assert.doesNotMatch(line ?? "", /\bat .*\.ts/);
});

test("JSON is one object per line, with the stack of errors", () => {
  const err = new Error("broken");
  const [line] = lines("json", (log) => log.info({ err, nodeId: "n1" }, "seen"));
  const entry = JSON.parse(line ?? "") as Record<string, unknown>;
  assert.equal(entry["msg"], "seen");
  assert.equal(entry["nodeId"], "n1");
  assert.match(JSON.stringify(entry["err"]), /broken.*stack/);
});

test("what is below the level is left out, and children add their fields", () => {
  const text = lines("text", (log) => {
    log.debug({}, "dropped");
    log.child({ nodeId: "n1" }).info({ taskId: "t1" }, "kept");
  });
  assert.deepEqual(text.map(untimed), ["INFO kept nodeId=n1 taskId=t1"]);
  assert.equal(lines("text", (log) => log.debug({}, "kept"), "debug").length, 1);
});
