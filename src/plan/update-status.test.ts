import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Service, Task } from "#model/objects.ts";
import type { UpdateConfig } from "#model/spec.ts";
import { policy, START, seconds, taskSpec, updateConfig, updated } from "./testing/builders.ts";
import {
  after,
  before,
  changed,
  failed,
  gone,
  old,
  plan,
  serviceAfter,
  underWay,
  updating,
} from "./testing/mid-update.ts";
import { createdTasks, summarize } from "./testing/summary.ts";

describe("the status of an update", () => {
  test("tells when it began, and of how many slots", () => {
    const { updateStatus } = serviceAfter(changed(), [before(1), before(2), before(3)]);
    assert.deepEqual(updateStatus, { state: "updating", startedAt: START, message: "update in progress", slots: 3 });
  });

  test("tells when it was completed", () => {
    const { updateStatus } = serviceAfter(updating(), [after(1), after(2), after(3)]);
    assert.deepEqual(updateStatus, underWay({ state: "completed", message: "update completed", completedAt: START }));
  });

  test("of a rollback by the user learns of how many slots", () => {
    const status = { state: "rollback_started", startedAt: START, message: "manually requested rollback" } as const;
    const made = plan({ ...changed(), updateStatus: status }, [before(1), before(2), before(3)]);
    assert.deepEqual(summarize(made), ["service rollback_started", "1@1 shutdown", "create 1 ready rolled-back"]);
    const [first] = made.operations;
    assert.ok(first?.type === "update" && first.object.kind === "service");
    assert.deepEqual(first.object.updateStatus, { ...status, slots: 3 });
  });

  test("the new task tells what it replaced", () => {
    const [made] = createdTasks(plan(changed({}, 1), [before(1)]));
    assert.deepEqual(made?.cause, { kind: "updated", previous: "1@1", detail: "spec changed" });
  });
});

const because = "due to failure or early termination of task";

describe("a failing update", () => {
  const half: Partial<UpdateConfig> = { MaxFailureRatio: 0.5 };
  const rows: {
    name: string;
    service: Service;
    tasks: readonly Task[];
    state: string;
    failures?: readonly string[];
  }[] = [
    {
      name: "pauses at its first failure by default",
      service: updating(),
      tasks: [failed(1)],
      state: "paused",
      failures: ["1@2"],
    },
    {
      name: "goes on while the ratio is not exceeded",
      service: updating(half, { slots: 2 }),
      tasks: [failed(1)],
      state: "updating",
      failures: ["1@2"],
    },
    {
      name: "pauses when the ratio is exceeded",
      service: updating(half, { slots: 2 }),
      tasks: [failed(1), failed(2)],
      state: "paused",
      failures: ["1@2", "2@2"],
    },
    {
      name: "counts a failure once",
      service: updating(half, { slots: 2, failures: ["1@2"] }),
      tasks: [failed(1)],
      state: "updating",
      failures: ["1@2"],
    },
    {
      name: "counts a failure within the monitor time",
      service: updating(),
      tasks: [failed(1, { ranAt: START - seconds(5) })],
      state: "paused",
      failures: ["1@2"],
    },
    {
      name: "does not count a later failure",
      service: updating(),
      tasks: [failed(1, { ranAt: START - seconds(6) })],
      state: "updating",
    },
    {
      name: "counts an early end without failure",
      service: updating(),
      tasks: [failed(1, { state: "complete" })],
      state: "paused",
      failures: ["1@2"],
    },
    {
      name: "does not count what was called off",
      service: updating(),
      tasks: [failed(1, { desired: "shutdown", state: "shutdown" })],
      state: "updating",
    },
    {
      name: "does not count what was lost with its node",
      service: updating(),
      tasks: [failed(1, { state: "orphaned" })],
      state: "updating",
    },
    {
      name: "does not count restarts",
      service: updating(),
      tasks: [failed(1, { cause: { kind: "restarted" } })],
      state: "updating",
    },
    {
      name: "does not count tasks of the old spec",
      service: updating(),
      tasks: [before(1, { state: "failed" })],
      state: "updating",
    },
    {
      name: "does not count at all when it is to continue",
      service: updating({ FailureAction: "continue" }),
      tasks: [failed(1)],
      state: "updating",
    },
  ];
  for (const row of rows) {
    test(row.name, () => {
      const rest = [1, 2, 3].filter((slot) => !row.tasks.some((it) => it.slot === slot)).map((slot) => before(slot));
      const { updateStatus } = serviceAfter(row.service, [...row.tasks, ...rest]);
      assert.equal(updateStatus?.state, row.state);
      assert.deepEqual(updateStatus?.failures, row.failures);
    });
  }

  test("names the task that was one too many", () => {
    const { updateStatus } = serviceAfter(updating(half, { slots: 2 }), [
      failed(1, { status: { appliedAt: 5 } }),
      failed(2),
      before(3),
    ]);
    assert.equal(updateStatus?.message, `update paused ${because} 2@2`);
  });

  test("is rolled back within the same plan", () => {
    const of = { ...updating({ FailureAction: "rollback" }), registryAuth: "new", previousRegistryAuth: "old" };
    const tasks = [gone(1), failed(1), before(2), before(3)];
    assert.deepEqual(summarize(plan(of, tasks)), [
      "service rollback_started",
      "1@2 shutdown",
      "create 1 running rolled-back",
    ]);
    const back = serviceAfter(of, tasks);
    assert.deepEqual(
      [back.spec, back.specVersion, back.previousSpec],
      [old({ FailureAction: "rollback" }).spec, 3, undefined],
    );
    assert.deepEqual([back.registryAuth, back.previousRegistryAuth], ["old", undefined]);
    const message = `update rolled back ${because} 1@2`;
    assert.deepEqual(back.updateStatus, { state: "rollback_started", startedAt: START, message, slots: 1 });
  });

  test("pauses when there is nothing to roll back to", () => {
    const { previousSpec: _, ...of } = updating({ FailureAction: "rollback" });
    assert.equal(
      serviceAfter(of, [failed(1), before(2), before(3)]).updateStatus?.message,
      `update paused ${because} 1@2`,
    );
  });
});

describe("a rollback", () => {
  const rollingBack = (config: Partial<UpdateConfig> = {}): Service => {
    const of = updated(old(), { TaskTemplate: taskSpec("nginx:2"), RollbackConfig: updateConfig(config) });
    return { ...of, updateStatus: underWay({ state: "rollback_started", message: "manually requested rollback" }) };
  };

  test("proceeds by the rollback configuration", () => {
    const made = plan(rollingBack({ Parallelism: 2 }), [before(1), before(2), before(3)]);
    assert.equal(createdTasks(made).length, 2);
  });

  test("is completed under its own name", () => {
    const tasks = [1, 2, 3].map((slot) => after(slot, { cause: { kind: "rolled-back" } }));
    const { updateStatus } = serviceAfter(rollingBack(), tasks);
    assert.deepEqual([updateStatus?.state, updateStatus?.message], ["rollback_completed", "rollback completed"]);
  });

  for (const [action, message] of [
    ["pause", "update paused"],
    ["rollback", "rollback paused"],
  ] as const) {
    test(`that fails is paused when its failure action is ${action}, and stays so`, () => {
      const tasks = [failed(1, { cause: { kind: "rolled-back" } }), before(2), before(3)];
      const paused = serviceAfter(rollingBack({ FailureAction: action }), tasks);
      assert.deepEqual(
        [paused.updateStatus?.state, paused.updateStatus?.message],
        ["rollback_paused", `${message} ${because} 1@2`],
      );
      assert.equal(serviceAfter(paused, [after(1), after(2), after(3)], START + seconds(999)), paused);
    });
  }

  test("runs again what an earlier spec left finished", () => {
    const finished = before(1, {
      state: "complete",
      desired: "shutdown",
      spec: taskSpec("nginx:1", policy({ Condition: "none" })),
    });
    const made = plan(rollingBack(), [finished, before(2), before(3)]);
    assert.deepEqual(
      createdTasks(made).map(({ slot, cause }) => [slot, cause.kind]),
      [
        [2, "rolled-back"],
        [1, "rolled-back"],
      ],
    );
  });
});
