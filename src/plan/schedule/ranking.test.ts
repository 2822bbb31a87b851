import assert from "node:assert/strict";
import { test } from "node:test";
import { NODE_FAILURE_WINDOW_MS } from "#model/defaults.ts";
import type { Task } from "#model/objects.ts";
import { node, START } from "#plan/testing/builders.ts";
import { ClusterTotals } from "./cluster-totals.ts";
import type { PlacedTask } from "./phase.ts";
import { createRanking } from "./ranking.ts";
import { placed, serviceOf } from "./testing.ts";

const WEB = serviceOf("web");
const OTHER = serviceOf("other");

interface Load {
  readonly web?: number;
  readonly other?: number;
  readonly failures?: number;
  readonly failedAt?: number;
  readonly failedVersion?: number;
}

const rows: readonly { name: string; a: Load; b: Load; better: "a" | "b" }[] = [
  { name: "equal nodes keep their order", a: {}, b: {}, better: "a" },
  { name: "fewer tasks of the service", a: { web: 1 }, b: { other: 9 }, better: "b" },
  { name: "then fewer tasks", a: { web: 1, other: 2 }, b: { web: 1, other: 1 }, better: "b" },
  { name: "five failures outweigh everything", a: { failures: 5 }, b: { web: 9, other: 9 }, better: "b" },
  { name: "four failures do not count", a: { failures: 4 }, b: { web: 1 }, better: "a" },
  {
    name: "of two failing nodes, the one that fails less",
    a: { failures: 7 },
    b: { failures: 6, web: 3 },
    better: "b",
  },
  { name: "equally failing nodes rank by their tasks", a: { failures: 6, web: 1 }, b: { failures: 6 }, better: "b" },
  {
    name: "failures of another version do not count",
    a: { failures: 9, failedVersion: 2 },
    b: { web: 1 },
    better: "a",
  },
  {
    name: "failures in the window count",
    a: { failures: 5, failedAt: START - NODE_FAILURE_WINDOW_MS },
    b: { web: 1 },
    better: "b",
  },
  {
    name: "failures before the window do not",
    a: { failures: 5, failedAt: START - NODE_FAILURE_WINDOW_MS - 1 },
    b: { web: 1 },
    better: "a",
  },
];

for (const { name, a, b, better } of rows) {
  test(name, () => {
    const totals = new ClusterTotals();
    const [first, second] = [load(totals, "n1", a), load(totals, "n2", b)];
    const ranking = createRanking({ serviceId: "web", specVersion: 1 }, START);
    assert.equal(Math.sign(ranking(first, second)), better === "a" ? -1 : 1);
    assert.equal(Math.sign(ranking(second, first)), better === "a" ? 1 : -1);
  });
}

test("a task without a service ranks nodes by their load", () => {
  const totals = new ClusterTotals();
  const [first, second] = [load(totals, "n1", { web: 1, other: 1 }), load(totals, "n2", { web: 1 })];
  assert.ok(createRanking({ serviceId: undefined, specVersion: 0 }, START)(first, second) > 0);
});

function load(totals: ClusterTotals, id: string, { web = 0, other = 0, failures = 0, ...failed }: Load) {
  const result = totals.setNode(node(id));
  for (let i = 0; i < web; i++) totals.addTask(placed(WEB, `${id}.web${i}`, id) as PlacedTask);
  for (let i = 0; i < other; i++) totals.addTask(placed(OTHER, `${id}.other${i}`, id) as PlacedTask);
  for (let i = 0; i < failures; i++) {
    const task: Task = placed(WEB, `${id}.failed${i}`, id, { specVersion: failed.failedVersion ?? 1 });
    totals.addFailure(task, failed.failedAt ?? START);
  }
  return result;
}
