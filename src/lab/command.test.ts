import assert from "node:assert/strict";
import { test } from "node:test";
import { execute, run } from "./command.ts";
import { until } from "./until.ts";

const { signal } = new AbortController();

test("a command gets its arguments as they are, its input and its environment", async () => {
  assert.equal(await run({ argv: ["printf", "%s|", "a b", "$HOME", "'"] }, signal), "a b|$HOME|'|");
  assert.equal(await run({ argv: ["cat"], input: "text" }, signal), "text");
  assert.equal(await run({ argv: ["printenv", "FLEET"], env: { FLEET: "blue" } }, signal), "blue\n");
  assert.equal(await run({ argv: ["true"], input: new Uint8Array(1_000_000) }, signal), "");
});

test("a command that fails says how", async () => {
  const argv = ["sh", "-c", "echo out; echo why >&2; exit 3"];
  assert.deepEqual(await execute({ argv }, signal), { code: 3, stdout: "out\n", stderr: "why\n" });
  await assert.rejects(run({ argv }, signal), { code: "internal", message: /failed with exit code 3: why$/ });
  assert.equal((await execute({ argv: ["sh", "-c", "kill -TERM $$"] }, signal)).code, 128 + 15);
  await assert.rejects(execute({ argv: ["no-such-command"] }, signal), { code: "not_found" });
});

test("an abort kills the command with its children", async () => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const running = execute({ argv: ["sh", "-c", "sleep 1000 & sleep 1000"] }, stop.signal);
  stop.abort(reason);
  await assert.rejects(running, (err) => err === reason);
  await assert.rejects(execute({ argv: ["true"] }, stop.signal), (err) => err === reason);
});

test("until gives up with the name of what it waited for", async () => {
  await assert.rejects(
    until("the impossible", 20, () => false, signal),
    { code: "unavailable", message: /the impossible/ },
  );
  let looks = 0;
  assert.equal(await until("the third look", 5_000, () => ++looks === 3 && "seen", signal), "seen");
});
