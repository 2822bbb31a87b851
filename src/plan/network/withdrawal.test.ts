import assert from "node:assert/strict";
import { test } from "node:test";
import type { Task } from "#model/objects.ts";
import { status } from "#plan/testing/builders.ts";
import { attachedTask, serviceOn, taskOn } from "#plan/testing/networks.ts";
import { beforeWithdrawal, mustBeWithdrawn } from "./withdrawal.ts";

const LEAVING = taskOn(serviceOn("web", { app: [] }), "t1", { app: "10.0.1.10" }, { desired: "shutdown" });
const { ranAt: _ran, ...neverRan } = LEAVING;
const { networks: _networks, ...alone } = LEAVING;

const cases: readonly { readonly name: string; readonly task: Task; readonly want: boolean }[] = [
  { name: "runs and is to stop", task: LEAVING, want: true },
  { name: "runs and is to be removed", task: { ...LEAVING, desired: "remove" }, want: true },
  { name: "runs and is wanted", task: { ...LEAVING, desired: "running" }, want: false },
  { name: "a job's task that is wanted", task: { ...LEAVING, desired: "complete" }, want: false },
  { name: "was never healthy", task: { ...neverRan, status: status("starting") }, want: false },
  { name: "has failed", task: { ...LEAVING, status: status("failed") }, want: false },
  { name: "is given up", task: { ...LEAVING, status: status("orphaned") }, want: false },
  { name: "was rejected while it ran", task: { ...LEAVING, status: status("rejected") }, want: true },
  { name: "was rejected before it ran", task: { ...neverRan, status: status("rejected") }, want: false },
  { name: "has no networks", task: alone, want: false },
  { name: "is on none", task: { ...LEAVING, networks: [] }, want: false },
  {
    name: "stands for a container of a user",
    task: { ...attachedTask("t9", "tool", { app: "10.0.1.20" }), desired: "shutdown" },
    want: false,
  },
];
for (const { name, task, want } of cases) {
  test(`others ${want ? "have to" : "need not"} turn away from a task that ${name}`, () => {
    assert.equal(mustBeWithdrawn(task), want);
  });
}

test("meanwhile a task is wanted as it was", () => {
  assert.equal(beforeWithdrawal(LEAVING).desired, "running");
  assert.equal(beforeWithdrawal({ ...LEAVING, jobIteration: 0 }).desired, "complete");
});
