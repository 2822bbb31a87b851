import type { IncomingMessage } from "node:http";
import { withDeadline } from "#base/abort.ts";
import type { Channel } from "#base/channel.ts";
import { errorMessage } from "#base/errors.ts";
import type { TaskGroup } from "#base/task-group.ts";
import type { NodeId } from "#model/ids.ts";
import type { ApiContext, Call } from "./call.ts";
import { engineRefusal } from "./engine-json.ts";
import type { EngineLink } from "./engine-link.ts";
import { otherNodes } from "./engines/nodes.ts";
import { clusterOf } from "./follow-cluster.ts";

/** Other engines that have not answered by then are left out of the past. */
const OTHERS_MS = 2_000;
/** Wait before an engine is asked for its events again. */
const RECONNECT_MS = 1_000;

/** In nanoseconds since the epoch. */
export interface Period {
  readonly since: bigint | undefined;
  readonly until: bigint | undefined;
}

/** The engines of the cluster's other nodes. */
export const otherEngines = (api: ApiContext): readonly EngineLink[] =>
  otherNodes(api)
    .filter(({ status }) => status.state !== "down")
    .map(({ id }) => api.engines.engineOf(id));

/**
 * What all engines still know, by time. Of those of other hosts, what they tell soon enough.
 * @param home undefined for a cluster of which no engine answers.
 */
export async function readPast(
  api: ApiContext,
  call: Call,
  { home, others }: { readonly home: EngineLink | undefined; readonly others: readonly EngineLink[] },
  period: Period,
): Promise<readonly string[]> {
  const own = home && (await openEvents(home, call, period, call.signal));
  const theirs = others.map((engine) =>
    withDeadline(api.clock, OTHERS_MS, "the engine's answer", call.signal, async (signal) =>
      Array.fromAsync(readLines(await openEvents(engine, call, period, signal))),
    ).catch((): string[] => []),
  );
  const lines = [own === undefined ? [] : await Array.fromAsync(readLines(own)), ...(await Promise.all(theirs))].flat();
  return lines.toSorted((a, b) => Number(nanosOf(a) - nanosOf(b)));
}

/** When an event happened. */
export const nanosOf = (line: string): bigint => BigInt(/"timeNano":([0-9]+)/.exec(line)?.[1] ?? "0");

/** @throws FlotillaError when the engine refuses or does not answer. */
export async function openEvents(
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

/** What the events of an engine are followed with. */
export interface Following {
  readonly period: Period;
  readonly lines: Channel<string>;
}

/**
 * Tells the events of the engines of all nodes but one, and of nodes that come later: as jobs of the group, until it ends.
 * @param without whose events are told already.
 */
export function followEngines(
  api: ApiContext,
  call: Call,
  following: Following,
  without: NodeId,
  jobs: TaskGroup,
): void {
  const cluster = api.membership.cluster();
  const commits = cluster.commits(jobs.signal);
  const follow = (nodeId: NodeId) =>
    jobs.spawn("events of an engine", (signal) => followEngine(api, call, nodeId, following, signal));
  for (const { id } of cluster.view.list("node")) if (id !== without) follow(id);
  jobs.spawn("new engines", async (signal) => {
    try {
      for await (const { changes } of commits) {
        for (const change of changes) if (change.kind === "node" && change.type === "create") follow(change.object.id);
      }
    } catch (err) {
      signal.throwIfAborted();
      api.log.debug({ err: errorMessage(err) }, "events of hosts that join from now on will be missing");
    }
  });
}

/** An engine may come and go, as long as its node is in the cluster. @param open its events from now on. */
export async function followEngine(
  api: ApiContext,
  call: Call,
  nodeId: NodeId,
  { period, lines }: Following,
  signal: AbortSignal,
  open?: IncomingMessage,
): Promise<void> {
  const engine = api.engines.engineOf(nodeId);
  const isThere = () => clusterOf(api.membership)?.view.get("node", nodeId) !== undefined;
  let { since } = period;
  for (let next = open; isThere(); next = undefined) {
    try {
      const answer = next ?? (await openEvents(engine, call, { ...period, since }, signal));
      for await (const line of readLines(answer)) {
        since = nanosOf(line) + 1n;
        if (!(await lines.push(line))) return;
      }
    } catch (err) {
      signal.throwIfAborted();
      api.log.debug({ err: errorMessage(err) }, "events of a host are missing");
    }
    await api.clock.sleep(RECONNECT_MS, signal);
  }
}

/** A stream's lines, with their ends. */
export async function* readLines(stream: IncomingMessage): AsyncGenerator<string> {
  stream.setEncoding("utf8");
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield `${line}\n`;
  }
  if (rest !== "") yield `${rest}\n`;
}
