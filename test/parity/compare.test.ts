import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compareRuns, type Difference } from "./compare.ts";
import { EXPECTED_DIFFERENCES, explanationOf } from "./expected-differences.ts";
import { ONE_HOST_DIFFERENCES } from "./one-host-differences.ts";

const entry = (answer: unknown) => [{ transcript: "t", step: "s", answer }];
const places = (docker: unknown, flotilla: unknown) =>
  compareRuns(entry(docker), entry(flotilla)).map((difference) => [
    difference.path,
    difference.docker,
    difference.flotilla,
  ]);

for (const { name, docker, flotilla, want } of [
  { name: "equal answers have no difference", docker: { a: [1, { b: 2 }] }, flotilla: { a: [1, { b: 2 }] }, want: [] },
  {
    name: "a difference has its path",
    docker: { a: [{ b: 1 }] },
    flotilla: { a: [{ b: 2 }] },
    want: [["a.0.b", 1, 2]],
  },
  {
    name: "what one side lacks",
    docker: { a: 1 },
    flotilla: { b: null },
    want: [
      ["a", 1, undefined],
      ["b", undefined, null],
    ],
  },
  { name: "another type", docker: { a: [] }, flotilla: { a: {} }, want: [["a", [], {}]] },
  { name: "a longer list", docker: ["x"], flotilla: ["x", "y"], want: [["1", undefined, "y"]] },
]) {
  test(name, () => assert.deepEqual(places(docker, flotilla), want));
}

test("runs of different transcripts cannot be compared", () => {
  assert.throws(() => compareRuns(entry(1), [{ transcript: "t", step: "other", answer: 1 }]), /part at t: s/);
});

test("a difference is explained by the entry that names all of it", () => {
  const difference: Difference = { transcript: "t", step: "GET /x", path: "status", docker: 500, flotilla: 400 };
  const matching = { heading: "h", transcript: "t", step: /x/, path: /^status$/, docker: /^500$/, flotilla: /^400$/ };
  assert.equal(explanationOf(difference, [matching]), matching);
  const others = [
    { ...matching, transcript: "u" },
    { ...matching, step: /y/ },
    { ...matching, path: /^body/ },
    { ...matching, docker: /^$/ },
    { ...matching, flotilla: /^404$/ },
  ];
  assert.equal(explanationOf(difference, others), undefined);
});

test("every expected difference has its section in the documentation", () => {
  const document = readFileSync(new URL("../../docs/differences.md", import.meta.url), "utf8");
  const headings = new Set([...document.matchAll(/^#{2,3} (.+)$/gm)].map(([, heading]) => heading));
  for (const { heading } of [...EXPECTED_DIFFERENCES, ...ONE_HOST_DIFFERENCES])
    assert.ok(headings.has(heading), `no section "${heading}"`);
});
