import { FlotillaError } from "#base/errors.ts";
import type { FakeBehaviour } from "#engine/fake-container.ts";
import type { FakeEngine } from "#engine/fake-engine.ts";

interface SimImage {
  readonly behaviour?: FakeBehaviour;
  readonly pullMs?: number;
  /** Whether a container of it runs until it is stopped, and is healthy. */
  readonly isSound: boolean;
  /** Whether no registry has it. */
  readonly isMissing?: boolean;
}

/** What services of the simulation run, and how that behaves. */
const IMAGES: Readonly<Record<string, SimImage>> = {
  "app:1": { isSound: true, behaviour: { output: [{ stream: "stdout", text: "started\n" }] } },
  "app:2": { isSound: true, behaviour: { stopMs: 700 } },
  "app:3": { isSound: true, pullMs: 4_000 },
  "checked:1": { isSound: true, behaviour: { healthyAfterMs: 1_500 } },
  "checked:2": { isSound: true, behaviour: { healthyAfterMs: 4_000, stopMs: 2_000 } },
  "stubborn:1": { isSound: true, behaviour: { stopMs: "never" } },
  "big:1": { isSound: true, pullMs: 20_000 },
  "sick:1": { isSound: false, behaviour: { unhealthyAfterMs: 2_500, healthLog: "no answer" } },
  "crash:1": { isSound: false, behaviour: { exitAfterMs: 700, exitCode: 1 } },
  "late-crash:1": { isSound: false, behaviour: { exitAfterMs: 9_000, exitCode: 3 } },
  "gone:1": { isSound: false, isMissing: true },
  "short:1": { isSound: false, behaviour: { exitAfterMs: 2_000 } },
  "long:1": { isSound: false, behaviour: { exitAfterMs: 25_000 } },
  "failing-job:1": { isSound: false, behaviour: { exitAfterMs: 1_500, exitCode: 2 } },
};

export const SERVICE_IMAGES = ["app:1", "app:2", "app:3", "checked:1", "checked:2", "stubborn:1", "big:1"] as const;
export const BROKEN_IMAGES = ["sick:1", "crash:1", "late-crash:1", "gone:1", "short:1"] as const;
export const JOB_IMAGES = ["short:1", "long:1"] as const;
export const BROKEN_JOB_IMAGES = ["failing-job:1", "gone:1"] as const;

export const isSoundImage = (image: string): boolean => IMAGES[image]?.isSound === true;
export const isSoundJobImage = (image: string): boolean => (JOB_IMAGES as readonly string[]).includes(image);

/** Puts all images into the registries that an engine can reach. */
export function publishImages(engine: FakeEngine): void {
  for (const [reference, { behaviour = {}, pullMs, isMissing }] of Object.entries(IMAGES)) {
    const pullError = isMissing
      ? { pullError: new FlotillaError("not_found", `pull access denied for ${reference}, repository does not exist`) }
      : {};
    engine.publishImage(reference, { behaviour, ...(pullMs !== undefined && { pullMs }), ...pullError });
  }
}
