import { isDeepStrictEqual } from "node:util";
import type { Entry } from "./answer.ts";

/** One place at which two answers to the same call are not the same. Undefined is: not there. */
export interface Difference {
  readonly transcript: string;
  readonly step: string;
  /** The member of the answer: `status`, `body.0.Spec.Name`, `stderr.1`. */
  readonly path: string;
  readonly docker: unknown;
  readonly flotilla: unknown;
}

/** Compares two runs of the same transcripts, call by call. */
export function compareRuns(docker: readonly Entry[], flotilla: readonly Entry[]): readonly Difference[] {
  return docker.flatMap(({ transcript, step, answer }, at) => {
    const other = flotilla[at];
    if (other?.transcript !== transcript || other.step !== step)
      throw new Error(`the runs part at ${transcript}: ${step}`);
    return differences(answer, other.answer, "").map((difference) => ({ transcript, step, ...difference }));
  });
}

type Place = Pick<Difference, "path" | "docker" | "flotilla">;

function differences(docker: unknown, flotilla: unknown, path: string): readonly Place[] {
  if (isDeepStrictEqual(docker, flotilla)) return [];
  if (!isObject(docker) || !isObject(flotilla) || Array.isArray(docker) !== Array.isArray(flotilla))
    return [{ path, docker, flotilla }];
  const keys = [...new Set([...Object.keys(docker), ...Object.keys(flotilla)])];
  return keys.flatMap((key) => differences(docker[key], flotilla[key], path === "" ? key : `${path}.${key}`));
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;
