import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Service, StoreObject } from "#model/objects.ts";
import { node, policy, START, seconds, secondsNs, taskSpec, updated } from "./testing/builders.ts";
import { after, before, changed, coming, failed, gone, old, plan, updating } from "./testing/mid-update.ts";
import { summarize } from "./testing/summary.ts";

interface Row {
  readonly name: string;
  readonly service: Service;
  readonly tasks: readonly StoreObject[];
  readonly want: readonly string[];
  readonly again?: number;
}

const stopFirst: Row[] = [
  {
    name: "begins with as many slots as may be replaced at once",
    service: changed(),
    tasks: [before(1), before(2), before(3)],
    want: ["service updating", "1@1 shutdown", "create 1 ready updated"],
  },
  {
    name: "replaces several slots at once",
    service: changed({ Parallelism: 2 }),
    tasks: [before(1), before(2), before(3)],
    want: ["service updating", "1@1 shutdown", "create 1 ready updated", "2@1 shutdown", "create 2 ready updated"],
  },
  {
    name: "replaces all slots at once with a parallelism of zero",
    service: changed({ Parallelism: 0 }, 2),
    tasks: [before(1), before(2)],
    want: ["service updating", "1@1 shutdown", "create 1 ready updated", "2@1 shutdown", "create 2 ready updated"],
  },
  {
    name: "does not wait for a task that never ran",
    service: changed({}, 1),
    tasks: [before(1, { state: "pending" })],
    want: ["service updating", "1@1 shutdown", "create 1 running updated"],
  },
  {
    name: "has no status when nothing has to be replaced",
    service: updated(old(), { Labels: { a: "b" } }),
    tasks: [before(1), before(2), before(3)],
    want: [],
  },
  {
    name: "starts the new task when the old one has stopped",
    service: updating(),
    tasks: [gone(1), coming(1, { desired: "ready", state: "ready" }), before(2), before(3)],
    want: ["1@2 running"],
  },
  {
    name: "waits while the new task is on its way",
    service: updating(),
    tasks: [gone(1), coming(1), before(2), before(3)],
    want: [],
  },
  {
    name: "goes on when the new task runs",
    service: updating(),
    tasks: [gone(1), after(1), before(2), before(3)],
    want: ["2@1 shutdown", "create 2 ready updated"],
  },
  {
    name: "goes on when the new task failed, and restarts that",
    service: updating({ FailureAction: "continue" }),
    tasks: [gone(1), failed(1), before(2), before(3)],
    want: ["1@2 shutdown", "create 1 ready restarted", "2@1 shutdown", "create 2 ready updated"],
  },
  {
    name: "rests for the delay",
    service: updating({ Delay: secondsNs(60) }),
    tasks: [gone(1), after(1), before(2), before(3)],
    want: [],
    again: START + seconds(10),
  },
  {
    name: "goes on after the delay",
    service: updating({ Delay: secondsNs(50) }),
    tasks: [gone(1), after(1), before(2), before(3)],
    want: ["2@1 shutdown", "create 2 ready updated"],
  },
  {
    name: "counts a resting slot as one of those at work",
    service: updating({ Delay: secondsNs(60), Parallelism: 2 }),
    tasks: [gone(1), after(1), before(2), before(3)],
    want: ["2@1 shutdown", "create 2 ready updated"],
    again: START + seconds(10),
  },
  {
    name: "still restarts the tasks whose turn has not come, by the new spec",
    service: updating(),
    tasks: [gone(1), coming(1), before(2), before(3, { state: "failed" })],
    want: ["3@1 shutdown", "create 3 ready restarted"],
  },
  {
    name: "shuts a second task of a slot down at once",
    service: updating(),
    tasks: [before(1), after(1), after(2), after(3)],
    want: ["service completed", "1@1 shutdown"],
  },
  {
    name: "is watched for the monitor time after the last task ran",
    service: updating({ Monitor: secondsNs(60) }),
    tasks: [after(1), after(2), after(3)],
    want: [],
    again: START + seconds(10),
  },
  {
    name: "is watched for a second longer than its delay",
    service: updating({ Delay: secondsNs(60) }),
    tasks: [after(1), after(2), after(3)],
    want: [],
    again: START + seconds(11),
  },
  {
    name: "is completed after that",
    service: updating(),
    tasks: [after(1), after(2), after(3)],
    want: ["service completed"],
  },
  {
    name: "is not completed while a task is on its way",
    service: updating(),
    tasks: [after(1), after(2), coming(3)],
    want: [],
  },
  {
    name: "that is paused replaces nothing",
    service: updating({}, { state: "paused" }),
    tasks: [gone(1), after(1), before(2), before(3)],
    want: [],
  },
  {
    name: "that is paused still starts what it has begun",
    service: updating({}, { state: "paused" }),
    tasks: [gone(1), coming(1, { desired: "ready", state: "ready" }), before(2), before(3)],
    want: ["1@2 running"],
  },
  {
    name: "that is paused still lets the service be scaled",
    service: updating({}, { state: "paused" }, 2),
    tasks: [before(1)],
    want: ["create 2 running scaled"],
  },
  {
    name: "does not wait for a new task that was called off",
    service: updating(),
    tasks: [
      coming(1, { id: "off", desired: "shutdown" }),
      after(1, { createdAt: 2, cause: { kind: "restarted" } }),
      before(2),
      before(3),
    ],
    want: ["2@1 shutdown", "create 2 ready updated"],
  },
  {
    name: "keeps its turn when a new task loses its node on its way",
    service: updating(),
    tasks: [node("n9", { availability: "drain" }), gone(1), coming(1, { nodeId: "n9" }), before(2), before(3)],
    want: ["1@2 shutdown", "create 1 ready updated"],
  },
];

const startFirst: Row[] = [
  {
    name: "starts the new task beside the old one",
    service: changed({ Order: "start-first" }),
    tasks: [before(1), before(2), before(3)],
    want: ["service updating", "create 1 running updated"],
  },
  {
    name: "keeps the old task until the new one runs",
    service: updating({ Order: "start-first" }),
    tasks: [before(1), coming(1), before(2), before(3)],
    want: [],
  },
  {
    name: "then shuts the old one down and goes on",
    service: updating({ Order: "start-first" }),
    tasks: [before(1), after(1), before(2), before(3)],
    want: ["create 2 running updated", "1@1 shutdown"],
  },
  {
    name: "keeps the old task while the new one is restarted",
    service: updating({ Order: "start-first", FailureAction: "continue" }, {}, 1),
    tasks: [before(1), failed(1)],
    want: ["1@2 shutdown", "create 1 ready restarted"],
  },
  {
    name: "does not wait for the old task to stop when a restarted one may start",
    service: updating({ Order: "start-first" }, { startedAt: START }, 1),
    tasks: [before(1), coming(1, { desired: "ready", state: "ready", cause: { kind: "restarted" } })],
    want: ["1@2 running"],
  },
  {
    name: "keeps the old task for good when the new one may not be restarted",
    service: updating({ Order: "start-first", FailureAction: "continue" }, {}, 1),
    tasks: [before(1), failed(1, { desired: "shutdown", spec: taskSpec("nginx:2", policy({ Condition: "none" })) })],
    want: [],
    again: START + seconds(5),
  },
  {
    name: "leaves one task to a slot that has two from updates before, while it waits for its turn",
    service: updating({ Order: "start-first" }, {}, 2),
    tasks: [before(1), coming(1), before(2), before(2, { id: "2@1b", createdAt: 1 })],
    want: ["2@1 shutdown"],
  },
  {
    name: "stops an old task that does not run first",
    service: changed({ Order: "start-first" }, 1),
    tasks: [before(1, { state: "starting" })],
    want: ["service updating", "1@1 shutdown", "create 1 ready updated"],
  },
];

for (const [kind, rows] of [
  ["a stop-first update", stopFirst],
  ["a start-first update", startFirst],
] as const) {
  describe(kind, () => {
    for (const row of rows) {
      test(row.name, () => {
        const made = plan(row.service, row.tasks);
        assert.deepEqual(summarize(made).toSorted(), row.want.toSorted());
        if (row.again !== undefined) assert.equal(made.again, row.again);
      });
    }
  });
}
