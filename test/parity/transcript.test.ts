import assert from "node:assert/strict";
import { test } from "node:test";
import { directory, packFiles } from "#lab/image-files.ts";
import { renderAnswer } from "./answer.ts";
import { api, docker, fill, transcript } from "./transcript.ts";
import { TRANSCRIPTS } from "./transcripts/all.ts";
import { ONE_HOST_TRANSCRIPTS } from "./transcripts/one-host/all.ts";

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
  assert.equal(fill("/services/$web/logs?x=$web:1", values), "/services/42/logs?x=4");
  assert.throws(() => fill("$other", values), /nothing was captured as \$other/);
});

test("transcripts have names of their own, and there is enough to compare", () => {
  for (const transcripts of [TRANSCRIPTS, ONE_HOST_TRANSCRIPTS]) {
    assert.equal(new Set(transcripts.map(({ name }) => name)).size, transcripts.length);
    assert.ok(transcripts.flatMap(({ steps }) => steps).length >= 1_000);
  }
});

test("an answer in frames is one line for each frame", async () => {
  const frame = (stream: number, text: string) =>
    Buffer.concat([Buffer.from([stream, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)]);
  const body = Buffer.concat([frame(1, "one\n"), frame(2, "two\n")]);
  assert.deepEqual(await renderAnswer({ kind: "api", status: 200, headers: { date: "x" }, body }, {}, new Map()), {
    status: 200,
    headers: {},
    body: ["1: one", "2: two"],
  });
});

test("an archive is one line for each entry", async () => {
  const body = await packFiles([directory("etc"), { path: "etc/link", linkTo: "/x" }, { path: "file", content: "5" }]);
  const answer = { kind: "api", status: 200, headers: {}, body } as const;
  assert.deepEqual(await renderAnswer(answer, {}, new Map()), {
    status: 200,
    headers: {},
    body: ["directory 755 0:0 etc", "symlink 644 0:0 etc/link -> /x", "file 644 0:0 file"],
  });
});

test("what an answer says of a path in a container is shown, and what was measured is not", async () => {
  const stat = Buffer.from('{"name":"etc","size":4096}').toString("base64");
  const headers = { "x-docker-container-path-stat": stat };
  const body = Buffer.from('{"pid":"12","since":"2026-11-21T03:34:48Z","cpu":0.5}');
  assert.deepEqual(await renderAnswer({ kind: "api", status: 200, headers, body }, { measured: true }, new Map()), {
    status: 200,
    headers: { "x-docker-container-path-stat": { name: "etc", size: "<number>" } },
    body: { pid: "<number>", since: "<time>", cpu: "<number>" },
  });
});
