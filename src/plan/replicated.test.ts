import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Service, StoreObject } from "#model/objects.ts";
import { planService } from "./service.ts";
import { ArrayView } from "./testing/array-view.ts";
import {
  cluster,
  node,
  policy,
  replicated,
  START,
  seconds,
  service,
  task,
  taskSpec,
  updated,
} from "./testing/builders.ts";
import { createdTasks, summarize } from "./testing/summary.ts";

function plan(of: Service, ...more: StoreObject[]) {
  let ids = 0;
  const view = new ArrayView([cluster(), node("n1"), node("n2"), of, ...more]);
  return planService(view, "web", { now: START, newId: () => `new${++ids}` });
}

const web = service({ Mode: replicated(3) });
const none = service({ Mode: replicated(1), TaskTemplate: taskSpec("nginx:1", policy({ Condition: "none" })) });
const slots = (...numbers: number[]) => numbers.map((slot) => task(web, { slot, nodeId: `n${slot}` }));
const nodes = (...numbers: number[]) => numbers.map((number) => node(`n${number}`));

interface Row {
  readonly name: string;
  readonly service?: Service;
  readonly with: readonly StoreObject[];
  readonly want: readonly string[];
}

const rows: Row[] = [
  {
    name: "a new service gets its replicas in slots 1 and up",
    with: [],
    want: ["create 1 running created", "create 2 running created", "create 3 running created"],
  },
  { name: "a service that has its replicas is left alone", with: [...nodes(3), ...slots(1, 2, 3)], want: [] },
  {
    name: "a missing task goes into the lowest free slot",
    with: [...nodes(3), ...slots(1, 3)],
    want: ["create 2 running created"],
  },
  {
    name: "scaling up creates",
    service: updated(web, { Mode: replicated(4) }),
    with: [...nodes(3), ...slots(1, 2, 3)],
    want: ["create 4 running scaled"],
  },
  {
    name: "scaling down removes",
    service: updated(web, { Mode: replicated(1) }),
    with: [...nodes(3), ...slots(1, 2, 3)],
    want: ["2@1 remove", "3@1 remove"],
  },
  {
    name: "scaling down forgets what was never placed",
    service: updated(web, { Mode: replicated(1) }),
    with: [...slots(1), task(web, { slot: 2, state: "pending" })],
    want: ["delete 2@1"],
  },
  {
    name: "scaling down takes the slot's history with it",
    service: updated(web, { Mode: replicated(1) }),
    with: [...slots(1, 2), task(web, { slot: 2, id: "old", createdAt: -1, state: "failed", desired: "shutdown" })],
    want: ["delete old", "2@1 remove"],
  },
  {
    name: "what is being removed fills no slot",
    service: updated(web, { Mode: replicated(1) }),
    with: [...slots(1), task(web, { slot: 2, desired: "remove" })],
    want: [],
  },
  {
    name: "a slot that is still being cleared is filled once its task has stopped",
    service: updated(web, { Mode: replicated(2) }),
    with: [...slots(1), task(web, { slot: 2, desired: "remove" })],
    want: ["create 2 ready scaled"],
  },
  {
    name: "a failed task is replaced in its slot",
    service: service(),
    with: [task(web, { state: "failed" })],
    want: ["1@1 shutdown", "create 1 ready restarted"],
  },
  {
    name: "a task on a lost node is replaced and starts at once",
    service: service(),
    with: [node("n9", { status: { state: "down" } }), task(web, { nodeId: "n9" })],
    want: ["1@1 shutdown", "create 1 running moved"],
  },
  {
    name: "a task on a drained node is replaced once it has stopped",
    service: service(),
    with: [node("n9", { availability: "drain" }), task(web, { nodeId: "n9" })],
    want: ["1@1 shutdown", "create 1 ready moved"],
  },
  {
    name: "a task on a removed node is replaced",
    service: service(),
    with: [task(web, { nodeId: "gone", state: "orphaned" })],
    want: ["1@1 shutdown", "create 1 running moved"],
  },
  {
    name: "a task on a paused node stays",
    service: service(),
    with: [node("n9", { availability: "pause" }), task(web, { nodeId: "n9" })],
    want: [],
  },
  {
    name: "a task on an unknown node stays",
    service: service(),
    with: [node("n9", { status: { state: "unknown" } }), task(web, { nodeId: "n9" })],
    want: [],
  },
  {
    name: "what may not restart is only shut down",
    service: none,
    with: [task(none, { state: "failed" })],
    want: ["1@1 shutdown"],
  },
  {
    name: "what ended for good still fills its slot",
    service: none,
    with: [task(none, { state: "failed", desired: "shutdown" })],
    want: [],
  },
  {
    name: "what ended for good is replaced when the spec changes",
    service: updated(none, { TaskTemplate: taskSpec("nginx:2") }),
    with: [task(none, { state: "complete", desired: "shutdown" })],
    want: ["service updating", "create 1 running updated"],
  },
  {
    name: "a successor that was lost between two commits is made up for",
    service: service(),
    with: [task(web, { state: "failed", desired: "shutdown" })],
    want: ["create 1 running created"],
  },
];

describe("planReplicated", () => {
  for (const row of rows) {
    test(row.name, () => assert.deepEqual(summarize(plan(row.service ?? web, ...row.with)), row.want));
  }

  test("a service without a number of replicas has one", () => {
    assert.equal(plan(service({ Mode: { Replicated: {} } })).operations.length, 1);
  });

  test("the cause says from how many to how many the service was scaled", () => {
    const [made] = createdTasks(plan(updated(web, { Mode: replicated(5) }), ...nodes(3), ...slots(1, 2, 3)));
    assert.deepEqual(made?.cause, { kind: "scaled", detail: "scaled from 3 to 5" });
  });

  test("restart policy aside, a task is made from the service's present spec", () => {
    const next = updated(service(), { TaskTemplate: taskSpec("nginx:2") });
    const paused = { ...next, updateStatus: { state: "paused" as const, message: "" } };
    const [made] = createdTasks(plan(paused, task(web, { state: "failed" })));
    assert.deepEqual([made?.specVersion, made?.spec.ContainerSpec?.Image], [2, "nginx:2"]);
  });
});

describe("a task made ahead of its time", () => {
  const waiting = (own: Parameters<typeof task>[1] = {}) =>
    task(web, {
      id: "next",
      desired: "ready",
      state: "ready",
      createdAt: START,
      cause: { kind: "moved", previous: "1@1" },
      ...own,
    });
  const leaving = (own: Parameters<typeof task>[1] = {}) => task(web, { desired: "shutdown", ...own });

  const cases: { name: string; with: readonly StoreObject[]; want: readonly string[]; again?: number }[] = [
    {
      name: "waits for its predecessor, a minute at most",
      with: [leaving(), waiting()],
      want: [],
      again: START + seconds(60),
    },
    {
      name: "starts when its predecessor has stopped",
      with: [leaving({ state: "shutdown" }), waiting()],
      want: ["next running"],
    },
    { name: "starts when its predecessor is forgotten", with: [waiting()], want: ["next running"] },
    {
      name: "starts when its predecessor's node is lost",
      with: [leaving({ nodeId: "gone" }), waiting()],
      want: ["next running"],
    },
    {
      name: "starts after a minute",
      with: [leaving({ createdAt: -1 }), waiting({ createdAt: START - seconds(60) })],
      want: ["next running"],
    },
    { name: "waits for its delay", with: [waiting({ startAfter: START + 5 })], want: [], again: START + 5 },
    { name: "starts after its delay", with: [waiting({ startAfter: START })], want: ["next running"] },
    {
      name: "that fails meanwhile waits as well",
      with: [waiting({ state: "rejected", startAfter: START + 5 })],
      want: [],
      again: START + 5,
    },
    {
      name: "waits for every task that is stopping in its slot",
      with: [leaving(), leaving({ id: "2nd", state: "shutdown" }), waiting()],
      want: [],
      again: START + seconds(60),
    },
  ];
  for (const row of cases) {
    test(row.name, () => {
      const made = plan(service(), ...row.with);
      assert.deepEqual(summarize(made), row.want);
      assert.equal(made.again, row.again);
    });
  }
});

describe("a service that is gone", () => {
  test("has its tasks removed, and forgotten once they have stopped", () => {
    const view = new ArrayView([
      node("n1"),
      task(web, { slot: 1 }),
      task(web, { slot: 2, state: "failed" }),
      task(web, { slot: 3, state: "pending" }),
      task(web, { slot: 4, desired: "remove" }),
    ]);
    const made = planService(view, "web", { now: START, newId: () => "new" });
    assert.deepEqual(summarize(made), ["1@1 remove", "delete 2@1", "delete 3@1"]);
  });
});
