import type { IncomingMessage } from "node:http";
import { LinkedAbort } from "#base/abort.ts";
import { Channel } from "#base/channel.ts";
import { TaskGroup } from "#base/task-group.ts";
import { type Answer, type ApiContext, type Call, isForCluster } from "./call.ts";
import { type ClusterEvent, eventNanos, matchesEvent, renderEvent } from "./cluster-event.ts";
import {
  followEngine,
  followEngines,
  nanosOf,
  openEvents,
  otherEngines,
  type Period,
  readLines,
  readPast,
} from "./engine-events.ts";
import { invalid } from "./errors.ts";
import { type Filters, parseFilters } from "./filters.ts";
import { parseUnixNanos } from "./query.ts";

/** Lines that wait for a slow client before the engine's stream is held back. */
const WAITING_LINES = 64;

/**
 * `/events`: the engine's, and on a manager those of all engines and of the cluster. What lies in the past is sorted by
 * time; from then on events come as they happen. The two parts are asked from the engines one after the other, so that
 * the past has an end.
 */
export async function listenEvents(api: ApiContext, call: Call): Promise<Answer> {
  const period = parsePeriod(call.query);
  const filters = parseFilters(call.query);
  const now = BigInt(api.clock.now()) * 1_000_000n;
  // Subscribed and looked up in the same instant: no event is lost or told twice.
  const over = new LinkedAbort(call.signal);
  const future = isPast(period, now) ? undefined : api.events.subscribe(over.signal);
  const known = api.events.recent().filter((event) => matchesEvent(filters, event) && isWithin(period, event));
  const others = isForCluster(api, call) ? otherEngines(api) : [];
  const home = isForCluster(api, call) && api.membership.home === "" ? undefined : api.engine;
  const pastPeriod = { since: period.since ?? 0n, until: isPast(period, now) ? period.until : now };
  const past = wantsPast(period) ? await readPast(api, call, { home, others }, pastPeriod) : undefined;
  const livePeriod = { since: past && now + 1n, until: period.until };
  const live = future && home && (await openEvents(home, call, livePeriod, call.signal));
  return { kind: "stream", contentType: "application/json", chunks: allEvents() };

  async function* allEvents(): AsyncGenerator<string> {
    if (past) yield* mergePast(past, known);
    if (future) yield* mergeLive(api, call, { live, future, filters, period: livePeriod }, over);
  }
}

function parsePeriod(query: URLSearchParams): Period {
  const since = parseUnixNanos(query, "since");
  const until = parseUnixNanos(query, "until");
  if (until !== undefined && until < (since ?? 0n)) {
    throw invalid(
      `\`since\` time (${query.get("since") ?? ""}) cannot be after \`until\` time (${query.get("until") ?? ""})`,
    );
  }
  return { since, until };
}

const wantsPast = (period: Period): boolean => period.since !== undefined || period.until !== undefined;
const isPast = (period: Period, now: bigint): boolean => period.until !== undefined && period.until < now;

const isWithin = (period: Period, event: ClusterEvent): boolean =>
  eventNanos(event) >= (period.since ?? 0n) && (period.until === undefined || eventNanos(event) <= period.until);

function* mergePast(lines: readonly string[], known: readonly ClusterEvent[]): Generator<string> {
  const waiting = [...known];
  for (const line of lines) {
    for (let next = waiting[0]; next !== undefined && eventNanos(next) < nanosOf(line); next = waiting[0]) {
      yield renderEvent(next);
      waiting.shift();
    }
    yield line;
  }
  for (const event of waiting) yield renderEvent(event);
}

interface LiveSources {
  /** Of the home's engine; undefined for a cluster of which no engine answers. */
  readonly live: IncomingMessage | undefined;
  readonly future: AsyncIterable<ClusterEvent>;
  readonly filters: Filters;
  readonly period: Period;
}

/** Ends with the events of this host's engine, at `until` or because it goes away; where there is none, at `until`. */
async function* mergeLive(
  api: ApiContext,
  call: Call,
  { live, future, filters, period }: LiveSources,
  over: LinkedAbort,
): AsyncGenerator<string> {
  const lines = new Channel<string>(WAITING_LINES);
  const { home, local } = api.membership;
  await using jobs = new TaskGroup(over.signal);
  if (live && (local.nodeId === home || !isForCluster(api, call))) {
    jobs.spawn("engine events", () => pour(readLines(live), lines));
  } else {
    if (live) jobs.spawn("engine events", (stop) => followEngine(api, call, home, { period, lines }, stop, live));
    jobs.spawn("end of events", (stop) => endAt(api, period, lines, stop));
  }
  jobs.spawn("cluster events", () => pour(renderMatching(future, filters), lines));
  if (isForCluster(api, call)) followEngines(api, call, { period, lines }, home, jobs);
  try {
    yield* lines;
  } finally {
    live?.destroy();
    over.abort(new Error("the client has all that it wanted"));
  }
}

/** Events that engines tell at the very end are still on their way then. */
const END_GRACE_MS = 500;

async function endAt(
  { clock }: ApiContext,
  { until }: Period,
  lines: Channel<string>,
  signal: AbortSignal,
): Promise<void> {
  if (until === undefined) return;
  await clock.sleep(Number(until / 1_000_000n) - clock.now() + END_GRACE_MS, signal);
  lines.end();
}

/** Writes until the source ends or nobody reads any more. */
async function pour(source: AsyncIterable<string>, lines: Channel<string>): Promise<void> {
  try {
    for await (const line of source) if (!(await lines.push(line))) return;
  } finally {
    lines.end();
  }
}

async function* renderMatching(events: AsyncIterable<ClusterEvent>, filters: Filters): AsyncGenerator<string> {
  for await (const event of events) if (matchesEvent(filters, event)) yield renderEvent(event);
}
