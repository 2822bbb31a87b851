import type { IncomingMessage } from "node:http";
import { LinkedAbort } from "#base/abort.ts";
import { Channel } from "#base/channel.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Answer, ApiContext, Call } from "./call.ts";
import { type ClusterEvent, eventNanos, matchesEvent, renderEvent } from "./cluster-event.ts";
import { engineRefusal } from "./engine-json.ts";
import { invalid } from "./errors.ts";
import { type Filters, parseFilters } from "./filters.ts";
import { parseUnixNanos } from "./query.ts";

/** Lines that wait for a slow client before the engine's stream is held back. */
const WAITING_LINES = 64;

interface Period {
  readonly since: bigint | undefined;
  readonly until: bigint | undefined;
}

/**
 * `/events`: the engine's, and those of the cluster when this daemon is a manager. What lies in the past is sorted by
 * time; from then on events come as they happen. The two parts are asked from the engine one after the other, so that
 * its past has an end.
 */
export async function listenEvents(api: ApiContext, call: Call): Promise<Answer> {
  const period = parsePeriod(call.query);
  const filters = parseFilters(call.query);
  const now = BigInt(api.clock.now()) * 1_000_000n;
  // Subscribed and looked up in the same instant: no event is lost or told twice.
  const over = new LinkedAbort(call.signal);
  const future = isPast(period, now) ? undefined : api.events.subscribe(over.signal);
  const known = api.events.recent().filter((event) => matchesEvent(filters, event) && isWithin(period, event));
  const past = wantsPast(period)
    ? await openEvents(api, call, { since: period.since ?? 0n, until: isPast(period, now) ? period.until : now })
    : undefined;
  const live = future && (await openEvents(api, call, { since: past && now + 1n, until: period.until }));
  return { kind: "stream", contentType: "application/json", chunks: allEvents() };

  async function* allEvents(): AsyncGenerator<string> {
    if (past) yield* mergePast(readLines(past), known);
    if (live && future) yield* mergeLive(live, future, filters, over);
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

/** @throws FlotillaError when the engine refuses or does not answer. */
async function openEvents(api: ApiContext, call: Call, period: Period): Promise<IncomingMessage> {
  const query = new URLSearchParams();
  const filters = call.query.get("filters");
  if (filters) query.set("filters", filters);
  if (period.since !== undefined) query.set("since", renderNanos(period.since));
  if (period.until !== undefined) query.set("until", renderNanos(period.until));
  const answer = await api.engine.open(
    { method: "GET", path: `/v${call.version}/events?${query.toString()}` },
    call.signal,
  );
  if (answer.statusCode !== 200) throw await engineRefusal(answer);
  return answer;
}

/** Seconds, a dot, and nine digits of nanoseconds. */
const renderNanos = (nanos: bigint): string =>
  `${nanos / 1_000_000_000n}.${String(nanos % 1_000_000_000n).padStart(9, "0")}`;

async function* mergePast(lines: AsyncIterable<string>, known: readonly ClusterEvent[]): AsyncGenerator<string> {
  const waiting = [...known];
  for await (const line of lines) {
    const time = BigInt(/"timeNano":([0-9]+)/.exec(line)?.[1] ?? "0");
    for (let next = waiting[0]; next !== undefined && eventNanos(next) < time; next = waiting[0]) {
      yield renderEvent(next);
      waiting.shift();
    }
    yield line;
  }
  for (const event of waiting) yield renderEvent(event);
}

/** Ends when one of the two ends: the engine's at `until`, or because the engine goes away. */
async function* mergeLive(
  live: IncomingMessage,
  future: AsyncIterable<ClusterEvent>,
  filters: Filters,
  over: LinkedAbort,
): AsyncGenerator<string> {
  const lines = new Channel<string>(WAITING_LINES);
  await using jobs = new TaskGroup(over.signal);
  jobs.spawn("engine events", () => pour(readLines(live), lines));
  jobs.spawn("cluster events", () => pour(renderMatching(future, filters), lines));
  try {
    yield* lines;
  } finally {
    live.destroy();
    over.abort(new Error("the client has all that it wanted"));
  }
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

/** A stream's lines, with their ends. */
async function* readLines(stream: IncomingMessage): AsyncGenerator<string> {
  stream.setEncoding("utf8");
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield `${line}\n`;
  }
  if (rest !== "") yield `${rest}\n`;
}
