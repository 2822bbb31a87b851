import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { identify, isAlive, signalProcess } from "#base/process-identity.ts";
import { childrenOf, hasEnvironment, listProcesses, namespaceId, parentOf } from "./process-table.ts";

test("a process is known by its pid and its start time", async () => {
  const child = spawn("sleep", ["1000"], { env: { ...process.env, FLEET: "blue" } });
  await once(child, "spawn");
  const pid = child.pid ?? 0;
  const known = identify(pid);
  assert.ok(known !== undefined);
  assert.deepEqual(
    childrenOf(process.pid).filter((other) => other.pid === pid),
    [known],
  );
  assert.equal(parentOf(pid), process.pid);
  assert.equal(listProcesses().filter((other) => other.pid === pid).length, 1);
  assert.equal(hasEnvironment(pid, "FLEET", "blue"), true);
  assert.equal(hasEnvironment(pid, "FLEET", "blu"), false);
  assert.equal(namespaceId(`/proc/${pid}/ns/net`), namespaceId("/proc/self/ns/net"));

  const reused = { pid, startTime: "1" };
  assert.equal(isAlive(reused), false);
  assert.equal(signalProcess(reused, "SIGKILL"), false);
  assert.equal(isAlive(known), true);

  const ended = once(child, "exit");
  assert.equal(signalProcess(known, "SIGKILL"), true);
  await ended;
  assert.equal(isAlive(known), false);
  assert.equal(identify(pid), undefined);
  assert.equal(namespaceId(`/proc/${pid}/ns/net`), undefined);
});
