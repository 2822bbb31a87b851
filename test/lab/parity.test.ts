import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { labImages, loadImages } from "#lab/images.ts";
import { Lab } from "#lab/lab.ts";
import { missing, PREREQUISITES } from "#lab/prerequisites.ts";
import { downAbandoned } from "#lab/teardown.ts";
import type { Entry } from "../parity/answer.ts";
import type { Side } from "../parity/call.ts";
import { compareRuns, type Difference } from "../parity/compare.ts";
import { EXPECTED_DIFFERENCES, type ExpectedDifference, explanationOf } from "../parity/expected-differences.ts";
import { isStuck, runTranscript } from "../parity/run.ts";
import { TRANSCRIPTS } from "../parity/transcripts/all.ts";

const { signal } = new AbortController();
const obstacle =
  process.getuid?.() !== 0 ? "needs root" : missing(PREREQUISITES).length > 0 ? "needs `flotilla up`" : false;

/** The same calls to Docker's own swarm mode and to Flotilla, on the same hosts: docs/differences.md. */
describe("parity with Docker's swarm mode", { skip: obstacle, timeout: 10 * 60_000 }, () => {
  let lab: Lab;
  let docker: readonly Entry[] = [];
  let flotilla: readonly Entry[] = [];
  const explained = new Map<ExpectedDifference, number>();

  before(async () => {
    await downAbandoned(signal);
    lab = await Lab.start({ name: `parity${process.pid}`, hosts: 3, temporary: true }, signal);
    await loadImages(lab.hosts, await labImages(signal), signal);
    docker = await runAll({ socketOf: (host) => lab.host(host).engineSocket, values: new Map() });
    await Promise.all(lab.hosts.map((host) => host.docker(["volume", "prune", "--force"], signal)));
    await Promise.all(lab.hosts.map((host) => host.startDaemon([], signal)));
    flotilla = await runAll({ socketOf: (host) => lab.host(host).daemonSocket, values: new Map() });
  });
  after(async () => lab?.[Symbol.asyncDispose]());

  for (const { name } of TRANSCRIPTS) {
    test(name, () => {
      // Two sides that wait in vain for the same thing would agree.
      assert.deepEqual(of(docker, name).filter(isStuck), []);
      const unexplained: string[] = [];
      for (const difference of compareRuns(of(docker, name), of(flotilla, name))) {
        const explanation = explanationOf(difference);
        if (explanation === undefined) unexplained.push(describeDifference(difference));
        else explained.set(explanation, (explained.get(explanation) ?? 0) + 1);
      }
      assert.equal(unexplained.length, 0, `${unexplained.length} unexplained differences\n${unexplained.join("\n")}`);
    });
  }

  test("every expected difference is still one", (context) => {
    const gone = EXPECTED_DIFFERENCES.filter((expected) => !expected.isOccasional && !explained.has(expected));
    assert.deepEqual(
      gone,
      [],
      "these are no differences any more: remove them, and what docs/differences.md says of them",
    );
    const count = [...explained.values()].reduce((sum, of) => sum + of, 0);
    context.diagnostic(`${docker.length} calls compared, ${count} differences explained`);
  });
});

async function runAll(side: Side): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (const transcript of TRANSCRIPTS) entries.push(...(await runTranscript(side, transcript, signal)));
  return entries;
}

const of = (entries: readonly Entry[], transcript: string): readonly Entry[] =>
  entries.filter((entry) => entry.transcript === transcript);

const describeDifference = ({ step, path, docker, flotilla }: Difference): string =>
  `${step}\n  ${path}\n  docker:   ${JSON.stringify(docker) ?? "-"}\n  flotilla: ${JSON.stringify(flotilla) ?? "-"}`;
