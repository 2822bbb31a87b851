import assert from "node:assert/strict";
import { test } from "node:test";
import { createNormaliser, normaliseJson, sortLists, splitLines } from "./normalise.ts";

const ID = "417mseazo4tcl5wq9m6qjifxi";
const OTHER = "w4ezlf7m1o157arzmh36s6ij3";
const CONTAINER = "0ba7c3bd3083b966dc361c9cb2694f73e47362b26e3b475f27f1cebb6c388230";
const NO_NAMES = new Map<string, string>();

for (const { name, text, want } of [
  { name: "ids by their first appearance", text: `${ID} ${OTHER} ${ID}`, want: "<id1> <id2> <id1>" },
  { name: "short ids in a table's first column", text: "rc3lf00cz9gu  web.1  x", want: "<id1>  web.1  x" },
  { name: "short ids in a log line", text: "web.1.rc3lf00cz9gu@h2  | hi", want: "web.1.<id1>@h2  | hi" },
  { name: "no words of twelve letters", text: "placeholders stay", want: "placeholders stay" },
  { name: "container ids, long and short", text: `${CONTAINER} 0ba7c3bd3083`, want: "<container1> <container2>" },
  { name: "no digests of images", text: `sha256:${CONTAINER}`, want: `sha256:${CONTAINER}` },
  { name: "times", text: "at 2026-11-21T03:34:48.845735157Z", want: "at <time>" },
  { name: "times in words", text: "at 2026-11-21 03:34:48.84 +0000 utc", want: "at <time>" },
  { name: "not Go's zero time", text: "0001-01-01T00:00:00Z", want: "0001-01-01T00:00:00Z" },
  { name: "ages", text: "Running 3 seconds ago, About a minute ago", want: "Running <age>, <age>" },
  {
    name: "join tokens",
    text: `--token SWMTKN-1-${"0".repeat(50)}-${"1".repeat(25)} 10.77.0.1:2377`,
    want: "--token <join token> 10.77.0.1:2377",
  },
  { name: "certificates", text: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", want: "<PEM>\n" },
  {
    name: "addresses of containers, not of hosts",
    text: "172.17.0.2 10.77.0.1",
    want: "<container address> 10.77.0.1",
  },
]) {
  test(`a normaliser replaces: ${name}`, () => assert.equal(createNormaliser(NO_NAMES)(text), want));
}

test("captured values have the name under which they were captured, whole and shortened", () => {
  const normalise = createNormaliser(new Map([["web", ID]]));
  assert.equal(normalise(`${ID} ${ID.slice(0, 12)}  x ${OTHER}`), "<web> <web>  x <id1>");
});

test("digests of what was just made are numbered, others are not", () => {
  const digest = `sha256:${CONTAINER}`;
  assert.equal(createNormaliser(NO_NAMES, true)(`made ${digest}`), "made <digest1>");
  assert.equal(
    createNormaliser(new Map([["busybox", digest]]))(`${digest} ${CONTAINER.slice(0, 12)}`),
    "<busybox> <busybox>",
  );
});

test("numbers in JSON are known by their place", () => {
  const document = { Version: { Index: 7 }, JobIteration: { Index: 7 }, Status: { PID: 12, ExitCode: 3 } };
  assert.deepEqual(normaliseJson(document, createNormaliser(NO_NAMES)), {
    Version: { Index: "<version>" },
    JobIteration: { Index: 7 },
    Status: { PID: "<pid>", ExitCode: 3 },
  });
});

test("lists that have no order are sorted, whatever the ids", () => {
  const render = (...items: readonly object[]) => normaliseJson(sortLists(items, NO_NAMES), createNormaliser(NO_NAMES));
  assert.deepEqual(
    render({ ID, Name: "b" }, { ID: OTHER, Name: "a", Mounts: [2, 1] }),
    render({ ID, Name: "a", Mounts: [1, 2] }, { ID: OTHER, Name: "b" }),
  );
});

test("lines are compared without the width of columns, and without progress", () => {
  const text = `ID    NAME\r\n\noverall progress: 1 out of 2 tasks\n1/2: running   \nverify: Service ${ID} converged\n  a   b\n`;
  assert.deepEqual(splitLines(text), ["ID  NAME", "  a  b"]);
});
