import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoreObject } from "#model/objects.ts";
import {
  availability,
  down,
  host,
  NOW,
  secondsAgo,
  service,
  status,
  TEMPLATE,
  task,
  web,
  why,
} from "./testing/scene.ts";

interface Row {
  readonly name: string;
  readonly objects: readonly StoreObject[];
  readonly want: readonly string[];
}

const two = web(2);
const RESTART = "docker service update --force web starts it again";
const FAILED = status("failed", "task: non-zero exit (3)");
const once = { RestartPolicy: { Condition: "none" as const } };
const twice = { RestartPolicy: { Condition: "any" as const, MaxAttempts: 1 } };

const REPLICATED: readonly Row[] = [
  {
    name: "that runs whole is one line",
    objects: [two, host("h1"), task(two, "t1", { nodeId: "n1" }), task(two, "t2", { nodeId: "n1", slot: 2 })],
    want: ["service web: 2 of 2 tasks running"],
  },
  {
    name: "scaled to nothing is one line, while its last task leaves",
    objects: [web(0), host("h1"), task(web(0), "t1", { nodeId: "n1", desired: "remove" })],
    want: ["service web: scaled to 0, nothing is to run"],
  },
  {
    name: "whose tasks wait for the same is told once",
    objects: [two, task(two, "t1"), task(two, "t2", { slot: 2 })],
    want: [
      "service web: 0 of 2 tasks running",
      "  - 2 tasks (web.1 and web.2): waiting for a node: the swarm has none",
    ],
  },
  {
    name: "that lacks tasks altogether",
    objects: [two, host("h1"), task(two, "t1", { nodeId: "n1" })],
    want: ["service web: 1 of 2 tasks running", "  - 1 task not made yet: the orchestrator is about to"],
  },
  {
    name: "whose task is being stopped, and may not be restarted",
    objects: [web(1, once), host("h1"), task(web(1, once), "t1", { nodeId: "n1", desired: "shutdown" })],
    want: [
      "service web: 0 of 1 task running",
      "  - web.1: running, to be stopped",
      "    - not restarted: the restart condition is none",
      `      → ${RESTART}`,
    ],
  },
  {
    name: "that was just scaled down",
    objects: [web(1), host("h1"), task(web(1), "t1", { nodeId: "n1" }), task(web(1), "t2", { nodeId: "n1", slot: 2 })],
    want: ["service web: 2 of 1 task running", "  - 1 task too many: the orchestrator is about to act"],
  },
  {
    name: "whose task may not be restarted",
    objects: [
      web(1, once),
      host("h1"),
      task(web(1, once), "t1", { nodeId: "n1", desired: "shutdown", status: FAILED }),
    ],
    want: [
      "service web: 0 of 1 task running",
      "  - web.1: failed: exited with code 3",
      "    → see what it said: docker service logs web",
      "    - not restarted: the restart condition is none",
      `      → ${RESTART}`,
    ],
  },
  {
    name: "whose task was restarted as often as it may",
    objects: [
      web(1, twice),
      host("h1"),
      task(web(1, twice), "t1", { nodeId: "n1", desired: "shutdown", status: FAILED }),
      task(web(1, twice), "t2", {
        nodeId: "n1",
        desired: "shutdown",
        status: FAILED,
        createdAt: secondsAgo(40),
        cause: { kind: "restarted", previous: "t1" },
      }),
    ],
    want: [
      "service web: 0 of 1 task running",
      "  - web.1: failed: exited with code 3",
      "    → see what it said: docker service logs web",
      "    - not restarted: 1 restart made, and the policy allows 1",
      `      → ${RESTART}`,
    ],
  },
  {
    name: "whose task waits for its restart delay",
    objects: [
      web(1),
      host("h1"),
      task(web(1), "t1", { nodeId: "n1", desired: "shutdown", status: FAILED }),
      task(web(1), "t2", {
        nodeId: "n1",
        desired: "ready",
        status: status("ready"),
        startAfter: NOW + 4_000,
        cause: { kind: "restarted", previous: "t1", detail: "task exited with code 3" },
      }),
    ],
    want: [
      "service web: 0 of 1 task running",
      "  - web.1: waiting for its restart delay, until 10:35:04 UTC (in 4 seconds)",
      "    - the task before it failed: exited with code 3",
      "      → see what it said: docker service logs web",
    ],
  },
  {
    name: "that runs again after trouble",
    objects: [
      two,
      host("h1"),
      task(two, "t1", { nodeId: "n1", desired: "shutdown", status: FAILED }),
      task(two, "t1b", { nodeId: "n1", createdAt: secondsAgo(600), cause: { kind: "restarted", previous: "t1" } }),
      task(two, "t2", {
        nodeId: "n1",
        slot: 2,
        createdAt: secondsAgo(600),
        cause: { kind: "moved", previous: "gone", detail: "node h2 is down" },
      }),
    ],
    want: [
      "service web: 2 of 2 tasks running",
      "  - web.1: runs, after 1 restart in the last hour",
      "    - the task before it failed: exited with code 3",
      "      → see what it said: docker service logs web",
      "  - web.2: moved here lately: node h2 is down",
    ],
  },
  {
    name: "that runs on a node of which nothing is heard",
    objects: [
      web(1),
      host("h1", { status: { state: "disconnected", addr: "", since: secondsAgo(2) } }),
      task(web(1), "t1", { nodeId: "n1" }),
    ],
    want: [
      "service web: 1 of 1 task running",
      "  - web.1: running on h1",
      "    - h1: disconnected since 10:34:58 UTC (2 seconds ago)",
      "      → wait: h1 looks for a manager, and counts as down if it finds none in seconds",
    ],
  },
];

const global = service({
  Mode: { Global: {} },
  TaskTemplate: { ...TEMPLATE, Placement: { Constraints: ["node.labels.gpu==yes"] } },
});
const everywhere = service({ Mode: { Global: {} } });

const GLOBAL: readonly Row[] = [
  {
    name: "on every node is one line",
    objects: [everywhere, host("h1"), task(everywhere, "t1", { slot: 0, nodeId: "n1" })],
    want: ["service web: running on 1 of the 1 node that should run it"],
  },
  {
    name: "tells of the nodes that it leaves out",
    objects: [
      everywhere,
      host("h1", availability("drain")),
      host("h2", down),
      host("h3", availability("pause")),
      host("h4"),
    ],
    want: [
      "service web: running on 0 of the 1 node that should run it",
      "  - h1: no task: drained",
      "    → docker node update --availability active h1",
      "  - h2: no task: down since 10:31:00 UTC (4 minutes ago): heartbeat failure",
      "    → start h2, or the flotilla daemon on it; if it is gone for good: docker node rm h2",
      "  - h3: no task: paused",
      "    → docker node update --availability active h3",
      "  - h4: no task yet: the orchestrator is about to make one",
    ],
  },
  {
    name: "tells of the nodes that do not satisfy its constraints",
    objects: [global, host("h1")],
    want: [
      "service web: running on 0 of the 0 nodes that should run it",
      "  - h1: no task: not node.labels.gpu==yes (no such label)",
      "    → docker node update --label-add gpu=yes h1, or docker service update --constraint-rm 'node.labels.gpu==yes' web",
    ],
  },
];

const iteration = { jobStatus: { iteration: 0, lastExecution: 0 } };
const job = service({ Mode: { ReplicatedJob: { MaxConcurrent: 2, TotalCompletions: 5 } } }, iteration);
const globalJob = service({ Mode: { GlobalJob: {} } }, iteration);
const done = { nodeId: "n1", status: status("complete"), desired: "complete", jobIteration: 0 } as const;

const JOBS: readonly Row[] = [
  {
    name: "counts what is done, what runs and what is to come",
    objects: [
      job,
      host("h1"),
      task(job, "t0", { slot: 0, ...done }),
      task(job, "t1", { slot: 1, jobIteration: 0, nodeId: "n1", desired: "complete" }),
      task(job, "old", { slot: 2, jobIteration: 7, nodeId: "n1", desired: "remove" }),
    ],
    want: [
      "service web: 1 of 5 tasks done, 1 running",
      "  - 3 tasks not begun: at most 2 may run at once (--max-concurrent)",
    ],
  },
  {
    name: "on each node",
    objects: [globalJob, host("h1"), host("h2", availability("drain")), task(globalJob, "t0", { slot: 0, ...done })],
    want: [
      "service web: done on 1 of 1 node",
      "  - h2: no task: drained",
      "    → docker node update --availability active h2",
    ],
  },
];

for (const [kind, rows] of Object.entries({ "a service": REPLICATED, "a global service": GLOBAL, "a job": JOBS })) {
  for (const { name, objects, want } of rows) {
    test(`${kind} ${name}`, () => assert.deepEqual(why("web", ...objects), want));
  }
}
