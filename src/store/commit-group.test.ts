import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoreObject } from "#model/objects.ts";
import type { Change } from "#model/view.ts";
import { creation, deletion, replacement } from "./change.ts";
import { groupCommits, groupObjects } from "./commit-group.ts";
import { type Commit, MAX_OPERATIONS } from "./store.ts";
import { config, liveManager, service, task } from "./testing/samples.ts";

const commitsOf = (...changes: readonly (readonly Change[])[]): Commit[] =>
  changes.map((each, index) => ({ revision: index + 1, changes: each }));

const tasks = (first: number, count: number): StoreObject[] =>
  Array.from({ length: count }, (_, index) => task(`t${first + index}`));

test("consecutive commits become one with the last state of each object", () => {
  const [one, two] = [service("web", { specVersion: 1 }), service("web", { specVersion: 2 })];
  const db = service("db");
  const commits = commitsOf([creation(one), creation(db)], [replacement(one, two)], [deletion(db)]);
  assert.deepEqual(groupCommits(commits), {
    count: 3,
    outcome: [
      { kind: "service", id: "web", object: two },
      { kind: "service", id: "db", object: undefined },
    ],
  });
});

test("what goes with a lease is left out", () => {
  const manager = liveManager("m");
  const commits = commitsOf([creation(manager)], [deletion(manager)]);
  assert.deepEqual(groupCommits(commits), { count: 2, outcome: [] });
  assert.deepEqual([...groupObjects([manager])], []);
});

test("a group is no larger than a commit may be, and a commit is never divided", () => {
  const half = MAX_OPERATIONS / 2;
  const commits = commitsOf(...[0, half, 2 * half].map((first) => tasks(first, half).map(creation)));
  assert.equal(groupCommits(commits).count, 2);
  assert.equal(groupCommits(commits.slice(2)).outcome.length, half);
  const large = creation(config("c", "c", "x".repeat(1_000_000)));
  assert.deepEqual(
    [commitsOf([large], [large]), commitsOf([creation(task("t"))], [large])].map((each) => groupCommits(each).count),
    [1, 1],
  );
});

test("objects are divided by their number and by their size, and keep their order", () => {
  const many = tasks(0, MAX_OPERATIONS + 1);
  assert.deepEqual(
    [...groupObjects(many)].map((group) => group.length),
    [MAX_OPERATIONS, 1],
  );
  const large = Array.from({ length: 3 }, (_, index) => config(`c${index}`, `c${index}`, "x".repeat(300_000)));
  assert.deepEqual(
    [...groupObjects(large)].map((group) => group.map(({ id }) => id)),
    [["c0"], ["c1"], ["c2"]],
  );
});
