import type { IncomingMessage } from "node:http";
import { LinkedAbort, withDeadline } from "#base/abort.ts";
import { Channel } from "#base/channel.ts";
import { errorMessage } from "#base/errors.ts";
import { TaskGroup } from "#base/task-group.ts";
import { type Answer, type ApiContext, type Call, isForCluster } from "./call.ts";
import { type ClusterEvent, eventNanos, matchesEvent, renderEvent } from "./cluster-event.ts";
import { engineRefusal } from "./engine-json.ts";
import type { EngineLink } from "./engine-link.ts";
import { invalid } from "./errors.ts";
import { type Filters, parseFilters } from "./filters.ts";
import { parseUnixNanos } from "./query.ts";

/** Other engines that have not answered by then are left out of the past. */
const OTHERS_MS = 2_000;
/** Wait before an engine of another host is asked for its events again. */
const RECONNECT_MS = 1_000;
/** Lines that wait for a slow client before the engine's stream is held back. */
const WAITING_LINES = 64;

interface Period {
  readonly since: bigint | undefined;
  readonly until: bigint | undefined;
}

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
  const pastPeriod = { since: period.since ?? 0n, until: isPast(period, now) ? period.until : now };
  const past = wantsPast(period) ? await readPast(api, call, others, pastPeriod) : undefined;
  const livePeriod = { since: past && now + 1n, until: period.until };
  const live = future && (await openEvents(api.engine, call, livePeriod, call.signal));
  return { kind: "stream", contentType: "application/json", chunks: allEvents() };

  async function* allEvents(): AsyncGenerator<string> {
    if (past) yield* mergePast(past, known);
    if (live && future) yield* mergeLive(api, call, { live, future, filters, others, period: livePeriod }, over);
  }
}

/** The engines of the cluster's other nodes. */
const otherEngines = (api: ApiContext): readonly EngineLink[] =>
  [...api.membership.control().view.list("node")]
    .filter(({ id, status }) => id !== api.membership.local.nodeId && status.state !== "down")
    .map(({ id }) => api.engines.engineOf(id));

/** What all engines still know, by time. Of those of other hosts, what they tell soon enough. */
async function readPast(
  api: ApiContext,
  call: Call,
  others: readonly EngineLink[],
  period: Period,
): Promise<readonly string[]> {
  const own = await openEvents(api.engine, call, period, call.signal);
  const theirs = others.map((engine) =>
    withDeadline(api.clock, OTHERS_MS, "the engine's answer", call.signal, async (signal) =>
      Array.fromAsync(readLines(await openEvents(engine, call, period, signal))),
    ).catch((): string[] => []),
  );
  const lines = [await Array.fromAsync(readLines(own)), ...(await Promise.all(theirs))].flat();
  return lines.toSorted((a, b) => Number(nanosOf(a) - nanosOf(b)));
}

const nanosOf = (line: string): bigint => BigInt(/"timeNano":([0-9]+)/.exec(line)?.[1] ?? "0");

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
async function openEvents(
  engine: EngineLink,
  call: Call,
  period: Period,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const query = new URLSearchParams();
  const filters = call.query.get("filters");
  if (filters) query.set("filters", filters);
  if (period.since !== undefined) query.set("since", renderNanos(period.since));
  if (period.until !== undefined) query.set("until", renderNanos(period.until));
  const answer = await engine.open({ method: "GET", path: `/v${call.version}/events?${query.toString()}` }, signal);
  if (answer.statusCode !== 200) throw await engineRefusal(answer);
  return answer;
}

/** Seconds, a dot, and nine digits of nanoseconds. */
const renderNanos = (nanos: bigint): string =>
  `${nanos / 1_000_000_000n}.${String(nanos % 1_000_000_000n).padStart(9, "0")}`;

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
  /** This host's engine. */
  readonly live: IncomingMessage;
  readonly future: AsyncIterable<ClusterEvent>;
  readonly filters: Filters;
  readonly others: readonly EngineLink[];
  readonly period: Period;
}

/** Ends with this host's engine's events: at `until`, or because the engine goes away. */
async function* mergeLive(
  api: ApiContext,
  call: Call,
  { live, future, filters, others, period }: LiveSources,
  over: LinkedAbort,
): AsyncGenerator<string> {
  const lines = new Channel<string>(WAITING_LINES);
  await using jobs = new TaskGroup(over.signal);
  jobs.spawn("engine events", () => pour(readLines(live), lines));
  jobs.spawn("cluster events", () => pour(renderMatching(future, filters), lines));
  for (const engine of others) {
    jobs.spawn("events of another engine", (signal) => followEngine(api, call, engine, period, lines, signal));
  }
  try {
    yield* lines;
  } finally {
    live.destroy();
    over.abort(new Error("the client has all that it wanted"));
  }
}

/** An engine of another host may come and go. */
async function followEngine(
  api: ApiContext,
  call: Call,
  engine: EngineLink,
  period: Period,
  lines: Channel<string>,
  signal: AbortSignal,
): Promise<void> {
  for (let { since } = period; ; await api.clock.sleep(RECONNECT_MS, signal)) {
    try {
      const answer = await openEvents(engine, call, { ...period, since }, signal);
      for await (const line of readLines(answer)) {
        since = nanosOf(line) + 1n;
        if (!(await lines.push(line))) return;
      }
    } catch (err) {
      signal.throwIfAborted();
      api.log.debug({ err: errorMessage(err) }, "events of another host are missing");
    }
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
