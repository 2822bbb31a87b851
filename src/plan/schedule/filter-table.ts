import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, StoreObject, Task } from "#model/objects.ts";
import type { TaskSpec } from "#model/spec.ts";
import { ArrayView } from "#plan/testing/array-view.ts";
import { node } from "#plan/testing/builders.ts";
import { ClusterTotals } from "./cluster-totals.ts";
import type { Filter } from "./filter.ts";
import type { PlacedTask } from "./phase.ts";
import { description, placed, serviceOf, waiting } from "./testing.ts";

/** A task of service `web`, a node `n1`, and what a filter says of the two. */
export interface FilterRow {
  readonly name: string;
  readonly spec?: Partial<TaskSpec>;
  readonly task?: Partial<Task>;
  readonly node?: Partial<Node>;
  readonly host?: Parameters<typeof description>[0];
  /** Other tasks on the node. */
  readonly others?: readonly Task[];
  /** Undefined: the filter does not concern the task. */
  readonly want: boolean | undefined;
}

/** One test for each row. `objects`: what the filter may look up. */
export function testFilter(filter: Filter, rows: readonly FilterRow[], objects: readonly StoreObject[] = []): void {
  for (const row of rows) {
    const verdict = row.want === undefined ? "does not concern" : row.want ? "admits" : "refuses";
    test(`the ${filter.name} filter ${verdict}: ${row.name}`, () => {
      const totals = new ClusterTotals();
      const candidate = totals.setNode({ ...node("n1"), description: description(row.host), ...row.node });
      for (const other of row.others ?? []) totals.addTask(other as PlacedTask);
      const task = waiting(serviceOf("web", row.spec), "t1", row.task);
      assert.equal(filter.forTask(task, new ArrayView(objects))?.admits(candidate), row.want);
    });
  }
}

/** A task of another service on the node. */
export const other = (spec: Partial<TaskSpec>, overrides: Partial<Task> = {}): Task =>
  placed(serviceOf("other", spec), "other1", "n1", overrides);
