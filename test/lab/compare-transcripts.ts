import assert from "node:assert/strict";
import { test } from "node:test";
import type { Comparison } from "../parity/comparison.ts";
import type { Transcript } from "../parity/transcript.ts";

/**
 * A test for each transcript, and one for the explanations of differences.
 * @param comparison of the two runs, which are over when the first test begins.
 */
export function compareTranscripts(transcripts: readonly Transcript[], comparison: () => Comparison): void {
  for (const { name } of transcripts) {
    test(name, () => {
      assert.deepEqual(comparison().stuck(name), []);
      const unexplained = comparison().unexplained(name);
      assert.equal(unexplained.length, 0, `${unexplained.length} unexplained differences\n${unexplained.join("\n")}`);
    });
  }

  test("every expected difference is still one", (context) => {
    assert.deepEqual(
      comparison().unneeded(),
      [],
      "these are no differences any more: remove them, and what docs/differences.md says of them",
    );
    context.diagnostic(comparison().summary());
  });
}
