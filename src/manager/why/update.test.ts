import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoreObject, UpdateStatus } from "#model/objects.ts";
import type { UpdateConfig } from "#model/spec.ts";
import { host, secondsAgo, service, status, TEMPLATE, task, why } from "./testing/scene.ts";

const SLOW: UpdateConfig = { Parallelism: 1, Delay: 10e9, MaxFailureRatio: 0, Order: "stop-first" };

const updated = (updateStatus: UpdateStatus) =>
  service(
    { Mode: { Replicated: { Replicas: 2 } }, UpdateConfig: SLOW, TaskTemplate: { ...TEMPLATE, ForceUpdate: 1 } },
    { specVersion: 2, updateStatus },
  );

/** `web.1` still has the old spec; the update's own `web.2` failed. */
function objects(updateStatus: UpdateStatus): readonly StoreObject[] {
  const web = updated(updateStatus);
  return [
    web,
    host("h1"),
    task(web, "t1", { nodeId: "n1", spec: TEMPLATE, specVersion: 1 }),
    task(web, "t2", {
      slot: 2,
      nodeId: "n1",
      cause: { kind: "updated", previous: "t0" },
      status: status("failed", "task: non-zero exit (3)"),
    }),
  ];
}

const CULPRIT = "    - web.2 (t2) on h1 failed: exited with code 3, at 10:34:30 UTC (30 seconds ago)";
const LOGS = "      → see what it said: docker service logs web";
const message = "update paused due to failure or early termination of task t2";

test("an update that goes on says how far it is, and what failed of it", () => {
  const running: UpdateStatus = { state: "updating", startedAt: secondsAgo(60), message: "", failures: ["t2", "gone"] };
  assert.deepEqual(why("web", ...objects(running)).slice(1, 4), [
    "  - update in progress since 10:34:00 UTC (60 seconds ago): 0 of 2 tasks at the new spec (1 at once, 10 seconds after each)",
    "    - task t2 failed: exited with code 3",
    LOGS,
  ]);
});

test("an update that paused names the task that broke it, and the commands that go on", () => {
  assert.deepEqual(why("web", ...objects({ state: "paused", message })).slice(1, 6), [
    "  - update paused: 0 of 2 tasks at the new spec",
    "    → docker service update web goes on with it (give --image or other flags to correct it), docker service rollback web goes back",
    `    - ${message}`,
    CULPRIT,
    LOGS,
  ]);
});

test("a task that broke an update may be forgotten", () => {
  const gone: UpdateStatus = { state: "paused", message: message.replace("t2", "t9") };
  assert.equal(why("web", ...objects(gone))[4], "    - task t9 is not kept any more");
});

test("a rollback tells what it undoes", () => {
  const status: UpdateStatus = { state: "rollback_started", message: "update rolled back due to failure of task t2" };
  assert.deepEqual(why("web", ...objects(status)).slice(1, 4), [
    "  - rollback in progress: 0 of 2 tasks at the new spec (1 at once)",
    "    - update rolled back due to failure of task t2",
    CULPRIT,
  ]);
});

test("a rollback that paused has no way back", () => {
  const status: UpdateStatus = { state: "rollback_paused", message: "rollback paused due to failure of task t2" };
  assert.deepEqual(why("web", ...objects(status)).slice(1, 3), [
    "  - rollback paused: 0 of 2 tasks at the new spec",
    "    → docker service update web with a spec that works",
  ]);
});

test("a service that was rolled back by itself says so as long as the failed task is kept", () => {
  const finished: UpdateStatus = { state: "rollback_completed", message: "", completedAt: secondsAgo(5) };
  const web = service({ Mode: { Replicated: { Replicas: 1 } } }, { specVersion: 3, updateStatus: finished });
  const good = task(web, "t3", { nodeId: "n1" });
  const broken = task(web, "t2", {
    nodeId: "n1",
    specVersion: 2,
    desired: "shutdown",
    cause: { kind: "updated" },
    status: status("rejected", "No such image: demo:9"),
  });
  assert.deepEqual(why("web", web, host("h1"), broken, good).slice(0, 3), [
    "service web: 1 of 1 task running",
    "  - back at its previous spec: the update was rolled back at 10:34:55 UTC (5 seconds ago)",
    "    - web.1 (t2) on h1 rejected: No such image: demo:9, at 10:34:30 UTC (30 seconds ago)",
  ]);
  assert.deepEqual(why("web", web, host("h1"), good), ["service web: 1 of 1 task running"]);
});
