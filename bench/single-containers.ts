import type { EngineClient } from "#engine/http-client.ts";

/** How much is measured. */
export interface Sizes {
  /** Of the cluster, and of the engine that it is compared with. */
  readonly containers: number;
  /** Lists that are timed. */
  readonly lists: number;
  /** Containers that are created and started one after the other, in each way. */
  readonly starts: number;
  readonly inspections: number;
  /** Of a file that is copied. */
  readonly bytes: number;
  readonly copies: number;
  /** Of logs, at once. */
  readonly followers: number;
}

/** Where a client finds containers: through the manager, or at an engine. */
export interface Hosts {
  readonly manager: EngineClient;
  readonly managerSocket: string;
  /** That of the manager's own host. */
  readonly near: Place;
  /** That of a worker. */
  readonly far: Place;
}

/** A host of the cluster, and its engine itself. */
export interface Place {
  readonly name: string;
  readonly engine: EngineClient;
  readonly socket: string;
  readonly pids: { readonly engine: number; readonly daemon: number };
}

export const SLEEPER = { Image: "busybox:latest", Entrypoint: ["sleep", "100000"] };
/** Calls before those that are timed, so that the daemon's code is compiled. */
const WARM_UPS = 10;

/** The environment that puts a container on a host. */
export const onHost = (host: string): readonly string[] => [`constraint:node==${host}`];

export const create = async (client: EngineClient, body: unknown, signal: AbortSignal): Promise<string> =>
  (await client.json<{ Id: string }>({ method: "POST", path: "/containers/create", body }, signal)).Id;

export const start = (client: EngineClient, id: string, signal: AbortSignal): Promise<unknown> =>
  client.json({ method: "POST", path: `/containers/${id}/start` }, signal);

export const remove = (client: EngineClient, id: string, signal: AbortSignal): Promise<unknown> =>
  client.json({ method: "DELETE", path: `/containers/${id}`, query: { force: "1" } }, signal);

interface Turns {
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
}

/** Times two ways in turns: a machine is not as fast all the time. */
export async function inTurns(
  count: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
): Promise<Turns> {
  const times = { ours: [] as number[], theirs: [] as number[] };
  for (let turn = -Math.min(WARM_UPS, count); turn < count; turn++) {
    const [our, their] = [await ours(), await theirs()];
    if (turn < 0) continue;
    times.ours.push(our);
    times.theirs.push(their);
  }
  return times;
}
