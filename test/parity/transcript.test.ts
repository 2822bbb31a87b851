import assert from "node:assert/strict";
import { test } from "node:test";
import { renderAnswer } from "./answer.ts";
import { api, docker, fill, transcript } from "./transcript.ts";
import { TRANSCRIPTS } from "./transcripts/all.ts";

for (const { line, want } of [
  { line: "service ls", want: ["service", "ls"] },
  { line: "info --format '{{json .Swarm}}'", want: ["info", "--format", "{{json .Swarm}}"] },
  { line: `create --env A='two words' --env "B=x y"`, want: ["create", "--env", "A=two words", "--env", "B=x y"] },
  { line: `run 'trap "exit 0" TERM'`, want: ["run", 'trap "exit 0" TERM'] },
]) {
  test(`words of: ${line}`, () => assert.deepEqual(docker(line).argv, want));
}

test("every step of a transcript has a name of its own", () => {
  const { steps } = transcript("t", [docker("node ls"), docker("node ls", { on: "h2" }), docker("node ls")]);
  assert.deepEqual(
    steps.map((step) => step.name),
    ["docker node ls", "docker node ls (on h2)", "docker node ls (2)"],
  );
  assert.equal(api("POST /x", { body: { a: 1 } }).name, 'POST /x {"a":1}');
});

test("captured values are filled in; a value that is missing is an error", () => {
  const values = new Map([["web", "42"]]);
  assert.equal(fill("/services/$web/logs", values), "/services/42/logs");
  assert.throws(() => fill("$other", values), /nothing was captured as \$other/);
});

test("transcripts have names of their own, and there is enough to compare", () => {
  assert.equal(new Set(TRANSCRIPTS.map(({ name }) => name)).size, TRANSCRIPTS.length);
  assert.ok(TRANSCRIPTS.flatMap(({ steps }) => steps).length >= 150);
});

test("an answer in frames is one line for each frame", () => {
  const frame = (stream: number, text: string) =>
    Buffer.concat([Buffer.from([stream, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)]);
  const body = Buffer.concat([frame(1, "one\n"), frame(2, "two\n")]);
  assert.deepEqual(renderAnswer({ kind: "api", status: 200, headers: { date: "x" }, body }, false, new Map()), {
    status: 200,
    headers: {},
    body: ["1: one", "2: two"],
  });
});
