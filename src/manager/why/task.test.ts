import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoreObject, Task } from "#model/objects.ts";
import type { TaskSpec } from "#model/spec.ts";
import { down, host, NOW, secondsAgo, service, status, TEMPLATE, task, web, why } from "./testing/scene.ts";

interface Row {
  readonly name: string;
  readonly task: Partial<Task>;
  readonly spec?: Partial<TaskSpec>;
  readonly others?: readonly StoreObject[];
  readonly want: readonly string[];
}

const on = { nodeId: "n1" } as const;
const AGO = "10:34:30 UTC (30 seconds ago)";
const LOGS = "see what it said: docker service logs web";
const secret = { SecretID: "s1", SecretName: "pw" };

const ROWS: readonly Row[] = [
  {
    name: "runs: one line",
    task: { ...on, ranAt: secondsAgo(600), status: status("running") },
    want: ["task web.1 (t1): running on h1 since 10:25:00 UTC (10 minutes ago)"],
  },
  {
    name: "is given to a node that does not take it",
    task: { ...on, status: status("assigned") },
    want: [`task web.1 (t1): assigned on h1 since ${AGO}`, "  - waiting for h1 to take it"],
  },
  {
    name: "cannot pull its image",
    task: { ...on, status: status("preparing", "pull access denied for demo") },
    want: [
      `task web.1 (t1): preparing on h1 since ${AGO}`,
      "  - being prepared on h1: image demo:1 and files",
      "    - pull access denied for demo",
      "      → check the name demo:1, give credentials (docker service update --with-registry-auth web), or build or load the image on any host",
    ],
  },
  {
    name: "gets its image from another host",
    task: {
      ...on,
      status: { ...status("preparing"), message: "preparing: copying its image from h2 (34 MB of 120 MB)" },
    },
    want: [
      `task web.1 (t1): preparing on h1 since ${AGO}`,
      "  - being prepared on h1: copying its image from h2 (34 MB of 120 MB)",
    ],
  },
  {
    name: "waits for a secret that was removed",
    spec: { ContainerSpec: { Image: "demo:1", Secrets: [secret] } },
    task: { ...on, status: status("preparing", "waiting for a manager to send secret pw") },
    want: [
      `task web.1 (t1): preparing on h1 since ${AGO}`,
      "  - being prepared on h1: image demo:1 and files",
      "    - waiting for a manager to send secret pw",
      "    - secret pw does not exist any more",
      "      → create it again, and give web the new one: docker service update --secret-add or --config-add",
    ],
  },
  {
    name: "waits for its predecessor to stop",
    task: { ...on, desired: "ready", createdAt: secondsAgo(10), status: status("ready") },
    others: [task(web(1), "t0", { nodeId: "n2", desired: "shutdown" }), host("h2")],
    want: [
      `task web.1 (t1): ready on h1 since ${AGO}`,
      "  - waiting for the task before it to stop on h2, until 10:35:50 UTC (in 50 seconds) at most",
    ],
  },
  {
    name: "has a health check that has not passed",
    spec: { ContainerSpec: { Image: "demo:1", Healthcheck: { Test: ["CMD", "true"] } } },
    task: { ...on, status: status("starting") },
    want: [`task web.1 (t1): starting on h1 since ${AGO}`, "  - starting on h1: its health check has not passed yet"],
  },
  {
    name: "is unhealthy",
    task: { ...on, status: status("running", "dockerexec: unhealthy container: refused") },
    want: [
      `task web.1 (t1): running on h1 since ${AGO}`,
      "  - running on h1, but about to be stopped: dockerexec: unhealthy container: refused",
      "    → see why its health check fails: docker service logs web",
    ],
  },
  {
    name: "failed, and is to be replaced",
    task: { ...on, status: status("failed", "task: non-zero exit (137): out of memory") },
    want: [
      `task web.1 (t1): failed: exited with code 137: out of memory on h1, at ${AGO}`,
      "  - failed: exited with code 137: out of memory",
      "    → give it more memory: docker service update --limit-memory SIZE web",
      "  - not replaced yet: the orchestrator is about to",
    ],
  },
  {
    name: "failed, and was replaced",
    task: { ...on, desired: "shutdown", status: status("failed", "task: non-zero exit (3)") },
    others: [
      task(web(1), "t2", {
        ...on,
        cause: { kind: "restarted", previous: "t1", detail: "task exited with code 3" },
      }),
    ],
    want: [
      `task web.1 (t1): failed: exited with code 3 on h1, at ${AGO}`,
      "  - failed: exited with code 3",
      `    → ${LOGS}`,
      "  - replaced by web.1 (t2), made as a restart: task exited with code 3",
    ],
  },
  {
    name: "finished, and is not restarted",
    spec: { RestartPolicy: { Condition: "on-failure" } },
    task: { ...on, desired: "shutdown", status: status("complete") },
    want: [
      `task web.1 (t1): finished on h1, at ${AGO}`,
      "  - not restarted: the restart condition is on-failure",
      "    → docker service update --force web starts it again",
    ],
  },
  {
    name: "was scaled away, on a node that cannot stop it",
    task: { nodeId: "n2", desired: "remove", status: status("running") },
    others: [host("h2", down)],
    want: [
      `task web.1 (t1): running on h2 since ${AGO}, to be stopped`,
      "  - h2: down since 10:31:00 UTC (4 minutes ago): heartbeat failure",
      "    → start h2, or the flotilla daemon on it; if it is gone for good: docker node rm h2",
      "  - the service was scaled down, and its slot is not needed any more",
    ],
  },
  {
    name: "was replaced by one that is not kept any more",
    task: { ...on, desired: "shutdown", status: status("running") },
    others: [task(web(1), "t3", { ...on, createdAt: NOW, cause: { kind: "updated", previous: "t2" } })],
    want: [
      `task web.1 (t1): running on h1 since ${AGO}, to be stopped`,
      "  - replaced; by now its slot has web.1 (t3)",
    ],
  },
  {
    name: "was replaced before its service was scaled down and up again",
    task: { ...on, desired: "shutdown", status: status("running") },
    want: [
      `task web.1 (t1): running on h1 since ${AGO}, to be stopped`,
      "  - stopped by the manager; no later task of its slot is kept",
    ],
  },
  {
    name: "was on a node that is gone",
    task: { nodeId: "n9", desired: "shutdown", status: status("orphaned") },
    others: [task(web(1), "t2", { ...on, cause: { kind: "moved", previous: "t1", detail: "node n9 was removed" } })],
    want: [
      `task web.1 (t1): given up with its node on n9, at ${AGO}`,
      "  - replaced by web.1 (t2), moved from another node: node n9 was removed",
    ],
  },
];

for (const { name, task: more, spec, others = [], want } of ROWS) {
  test(`a task that ${name}`, () => {
    const of = web(1, spec);
    assert.deepEqual(why("t1", of, host("h1"), task(of, "t1", more), ...others), want);
  });
}

test("the story of a slot is told back to the fifth task before", () => {
  const failed = status("failed", "task: non-zero exit (1)");
  const chain = Array.from({ length: 8 }, (_, index) =>
    task(web(1), `t${index}`, {
      ...on,
      createdAt: secondsAgo(100 - index),
      cause:
        index === 0
          ? { kind: "created" }
          : { kind: "restarted", previous: `t${index - 1}`, detail: "task exited with code 1" },
      ...(index < 7 && { desired: "shutdown", status: failed }),
    }),
  );
  const [, origin, ...before] = why("t7", web(1), host("h1"), ...chain);
  assert.equal(origin, "  - made as a restart at 10:33:27 UTC (93 seconds ago): task exited with code 1");
  assert.deepEqual(
    before.map((line) => /task (t\d) on h1, failed: exited with code 1/.exec(line)?.[1]),
    ["t6", "t5", "t4", "t3", "t2"],
  );
});

test("a predecessor that was forgotten is said to be", () => {
  const made = { kind: "updated", previous: "t0", detail: "spec changed" } as const;
  assert.deepEqual(why("t1", web(1), host("h1"), task(web(1), "t1", { ...on, cause: made })).slice(1), [
    "  - made by an update at 08:35:00 UTC (2 hours ago): spec changed",
    "    - before it: task t0, which is not kept any more",
  ]);
});

test("a task of a removed service, of an earlier run of a job, and of an excluded node", () => {
  const leaving = { ...on, desired: "shutdown" } as const;
  assert.deepEqual(why("t1", host("h1"), task(web(1), "t1", { ...on, desired: "remove" })).slice(1), [
    "  - its service was removed",
  ]);
  const job = service({ Mode: { ReplicatedJob: {} } }, { jobStatus: { iteration: 1, lastExecution: NOW } });
  assert.deepEqual(why("t1", job, host("h1"), task(job, "t1", { ...leaving, jobIteration: 0 })).slice(1), [
    "  - the job was run again",
  ]);
  const global = service({
    Mode: { Global: {} },
    TaskTemplate: { ...TEMPLATE, Placement: { Constraints: ["node.role==manager"] } },
  });
  assert.deepEqual(why("t1", global, host("h1"), task(global, "t1", { ...leaving, slot: 0 })).slice(1), [
    "  - no task: not node.role==manager",
    "    → docker service update --constraint-rm 'node.role==manager' web",
  ]);
});
