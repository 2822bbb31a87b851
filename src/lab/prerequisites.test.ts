import assert from "node:assert/strict";
import { test } from "node:test";
import { ensurePrerequisites, hasCommand, missing } from "./prerequisites.ts";

const met = { package: "there", reason: "a test", isMet: () => true };
const unmet = { package: "absent", reason: "a test", isMet: () => false };

test("only what is not met is missing", () => {
  assert.deepEqual(missing([met, unmet]), [unmet]);
  assert.equal(hasCommand("sh"), true);
  assert.equal(hasCommand("no-such-command"), false);
});

test("nothing is installed, and nothing said, when nothing is missing", {
  skip: process.getuid?.() !== 0 && "needs root",
}, async () => {
  const said: string[] = [];
  await ensurePrerequisites([met], (line) => said.push(line), new AbortController().signal);
  assert.deepEqual(said, []);
});
