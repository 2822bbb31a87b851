import { type ClientRequest, request } from "node:http";
import { systemClock } from "#base/clock.ts";
import type { Figure } from "./figure.ts";
import { poll } from "./poll.ts";
import { create, type Hosts, onHost, remove, type Sizes, SLEEPER, start } from "./single-containers.ts";
import { median } from "./statistics.ts";

/** How long lines are counted once every follower has its first, in ms. */
const FOLLOWED_MS = 5_000;
const TICKING = { ...SLEEPER, Entrypoint: ["sh", "-c", "while true; do echo tick; sleep 0.5; done"] };
/** Engines write when a line came, with nine digits of a second. */
const WRITTEN = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\d*Z/;

/** How late the lines of two containers' logs reach many followers at once, through the manager and from the engines. */
export async function measureFollowers(
  { manager, managerSocket, near, far }: Hosts,
  { followers }: Sizes,
  signal: AbortSignal,
): Promise<readonly Figure[]> {
  const places = [near, far];
  const ids = await Promise.all(places.map(({ name }) => create(manager, { ...TICKING, Env: onHost(name) }, signal)));
  for (const id of ids) await start(manager, id, signal);
  const half = Math.ceil(followers / places.length);
  const sources = (socket: (place: (typeof places)[number]) => string) =>
    places.flatMap((place, index) =>
      Array.from({ length: half }, () => ({ socket: socket(place), id: ids[index] ?? "" })),
    );
  const theirs = await lateness(
    sources(({ socket }) => socket),
    signal,
  );
  const ours = await lateness(
    sources(() => managerSocket),
    signal,
  );
  for (const id of ids) await remove(manager, id, signal);
  return [
    {
      name: `${followers} followers of logs: a line's way to the last of them`,
      unit: "ms",
      ours: ours.worstMs,
      baseline: { name: "engines", value: theirs.worstMs },
    },
    {
      name: "  to the middle one",
      unit: "ms",
      ours: ours.middleMs,
      baseline: { name: "engines", value: theirs.middleMs },
    },
  ];
}

interface Lateness {
  readonly middleMs: number;
  /** Of 99 of 100 lines. */
  readonly worstMs: number;
}

interface Source {
  readonly socket: string;
  readonly id: string;
}

async function lateness(sources: readonly Source[], signal: AbortSignal): Promise<Lateness> {
  let heard = 0;
  const times: number[] = [];
  const calls = sources.map((source) => follow(source, () => heard++, times));
  try {
    await poll(`${sources.length} followers`, async () => heard === sources.length, signal);
    times.length = 0;
    await systemClock.sleep(FOLLOWED_MS, signal);
  } finally {
    for (const call of calls) call.destroy();
  }
  const sorted = times.toSorted((a, b) => a - b);
  return { middleMs: median(sorted), worstMs: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN };
}

function follow({ socket, id }: Source, onFirst: () => void, times: number[]): ClientRequest {
  const path = `/containers/${id}/logs?follow=1&stdout=1&tail=1&timestamps=1`;
  const call = request({ socketPath: socket, path, agent: false });
  let isHeard = false;
  call.on("response", (answer) => {
    answer.on("error", () => undefined);
    answer.setEncoding("latin1").on("data", (piece: string) => {
      const now = systemClock.now();
      if (!isHeard) onFirst();
      isHeard = true;
      const [, written] = WRITTEN.exec(piece) ?? [];
      if (written !== undefined) times.push(now - Date.parse(`${written}Z`));
    });
  });
  call.on("error", () => undefined);
  call.end();
  return call;
}
