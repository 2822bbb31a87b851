import type { Entry } from "./answer.ts";
import { compareRuns, type Difference } from "./compare.ts";
import { type ExpectedDifference, explanationOf } from "./expected-differences.ts";
import { isStuck } from "./run.ts";

/** Two runs of the same transcripts, and the differences between them that are on purpose. */
export class Comparison {
  readonly #docker: readonly Entry[];
  readonly #flotilla: readonly Entry[];
  readonly #expected: readonly ExpectedDifference[];
  readonly #explained = new Map<ExpectedDifference, number>();

  constructor(docker: readonly Entry[], flotilla: readonly Entry[], expected: readonly ExpectedDifference[]) {
    this.#docker = docker;
    this.#flotilla = flotilla;
    this.#expected = expected;
  }

  /** Docker's answers that never came: two sides that wait in vain for the same thing would agree. */
  stuck(transcript: string): readonly Entry[] {
    return of(this.#docker, transcript).filter(isStuck);
  }

  /** Differences in one transcript that nothing explains, each as a text. */
  unexplained(transcript: string): readonly string[] {
    const unexplained: string[] = [];
    for (const difference of compareRuns(of(this.#docker, transcript), of(this.#flotilla, transcript))) {
      const explanation = explanationOf(difference, this.#expected);
      if (explanation === undefined) unexplained.push(describe(difference));
      else this.#explained.set(explanation, (this.#explained.get(explanation) ?? 0) + 1);
    }
    return unexplained;
  }

  /** Explanations that were not needed, once all transcripts have been looked at. */
  unneeded(): readonly ExpectedDifference[] {
    return this.#expected.filter((expected) => !expected.isOccasional && !this.#explained.has(expected));
  }

  summary(): string {
    const count = [...this.#explained.values()].reduce((sum, some) => sum + some, 0);
    return `${this.#docker.length} calls compared, ${count} differences explained`;
  }
}

const of = (entries: readonly Entry[], transcript: string): readonly Entry[] =>
  entries.filter((entry) => entry.transcript === transcript);

const describe = ({ step, path, docker, flotilla }: Difference): string =>
  `${step}\n  ${path}\n  docker:   ${JSON.stringify(docker) ?? "-"}\n  flotilla: ${JSON.stringify(flotilla) ?? "-"}`;
