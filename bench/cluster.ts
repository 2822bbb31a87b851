import { labImages, loadImages } from "#lab/images.ts";
import { Lab } from "#lab/lab.ts";
import { downAbandoned } from "#lab/teardown.ts";
import { PASSED_ON } from "./api-calls.ts";
import { DOCKER, FLOTILLA } from "./contender.ts";
import type { Figure } from "./figure.ts";
import { type Footprint, measureFootprint, measureStarts } from "./footprint.ts";
import { best, median } from "./statistics.ts";
import { IMAGE, NEXT_IMAGE, REPLICAS, runTrial, type TrialTimes } from "./trial.ts";

/** Each contender's turn comes this often: of what takes seconds the middle time counts, of API calls the best. */
const ROUNDS = 3;
/** Trials of the loss of a host in each round. Docker's takes so long that one will do. */
const LOSSES = 1;

/** The times of all rounds. */
interface Rounds {
  readonly docker: readonly TrialTimes[];
  readonly flotilla: readonly TrialTimes[];
}

/**
 * Measures clusters of three real hosts: ours, Docker's swarm mode on the same engines, and the bare calls to these
 * engines, in turns. Needs root.
 */
export async function measureCluster(say: (line: string) => void, signal: AbortSignal): Promise<readonly Figure[]> {
  await downAbandoned(signal);
  say("cluster: starting three hosts");
  await using lab = await Lab.start({ name: "bench", temporary: true }, signal);
  await loadImages(lab.hosts, await labImages(signal), signal);
  const docker: TrialTimes[] = [];
  const flotilla: TrialTimes[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    docker.push(await runTrial(lab, DOCKER, round === 1 ? LOSSES : 0, signal));
    say(`cluster: round ${round} of ${ROUNDS}: Docker ${summary(docker.at(-1))}`);
    flotilla.push(await runTrial(lab, FLOTILLA, LOSSES, signal));
    say(`cluster: round ${round} of ${ROUNDS}: Flotilla ${summary(flotilla.at(-1))}`);
  }
  const starts = await measureStarts(lab, signal);
  say("cluster: memory at rest");
  const footprint = await measureFootprint(lab, [IMAGE, NEXT_IMAGE], signal);
  return [
    ...workFigures({ docker, flotilla }),
    { name: "daemon start until it answers", unit: "ms", ours: median(starts) },
    ...memoryFigures(footprint),
    ...callFigures(docker, flotilla),
  ];
}

const seconds = (times: readonly number[]): string => times.map((ms) => `${(ms / 1_000).toFixed(2)} s`).join(", ");

const summary = (trial: TrialTimes | undefined): string =>
  trial === undefined
    ? ""
    : `engine calls ${seconds(trial.engineCalls)}, bring-up ${seconds(trial.bringUps)}, update ${seconds([trial.update])}`;

function workFigures({ docker, flotilla }: Rounds): Figure[] {
  const middle = (trials: readonly TrialTimes[], times: (trial: TrialTimes) => readonly number[]) =>
    median(trials.flatMap(times)) / 1_000;
  const bringUp = (trials: readonly TrialTimes[]) => ({
    unit: "s" as const,
    ours: middle(trials, ({ bringUps }) => bringUps),
    baseline: { name: "engine calls", value: middle(trials, ({ engineCalls }) => engineCalls) },
  });
  return [
    { name: `bring up ${REPLICAS} replicas`, ...bringUp(flotilla), target: { ratio: 1.15 } },
    { name: "  the same by Docker", ...bringUp(docker) },
    {
      name: `rolling update of ${REPLICAS} replicas, two at a time`,
      unit: "s",
      ours: middle(flotilla, ({ update }) => [update]),
      baseline: { name: "Docker", value: middle(docker, ({ update }) => [update]) },
      target: { ratio: 0.5 },
    },
    {
      name: "host lost until its tasks run elsewhere",
      unit: "s",
      ours: middle(flotilla, ({ hostLosses }) => hostLosses),
      baseline: { name: "Docker", value: middle(docker, ({ hostLosses }) => hostLosses) },
    },
  ];
}

function memoryFigures({ manager, worker }: Footprint): Figure[] {
  const megabytes = (bytes: number) => bytes / 1e6;
  const most = (target: number) => ({ unit: "MB", target: { most: target } }) as const;
  return [
    { ...most(130), name: "manager's memory at rest", ours: megabytes(manager.resident) },
    { ...most(100), name: "worker's memory at rest", ours: megabytes(worker.resident) },
    { unit: "MB", name: "manager's memory, shared pages in part", ours: megabytes(manager.proportional) },
    { unit: "MB", name: "worker's memory, shared pages in part", ours: megabytes(worker.proportional) },
  ];
}

function callFigures(docker: readonly TrialTimes[], flotilla: readonly TrialTimes[]): Figure[] {
  const least = (trials: readonly TrialTimes[], name: string) =>
    best(trials.map(({ calls }) => calls.get(name) ?? Number.NaN));
  return [...(flotilla[0]?.calls.keys() ?? [])].map((name) => ({
    name: `API: ${name}`,
    unit: "ms",
    ours: least(flotilla, name),
    baseline: { name: "Docker", value: least(docker, name) },
    ...(!PASSED_ON.has(name) && { target: { ratio: 1 } }),
  }));
}
