import { isDeepStrictEqual } from "node:util";
import { withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { errorCode, errorMessage, FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Wakeup } from "#base/wakeup.ts";
import type { NodeDescription } from "#model/spec.ts";
import type { ManagerConnection, SessionMessage, StatusUpdate } from "#wire/protocol.ts";
import type { AttachmentDesk } from "./attachment-desk.ts";
import type { LogPublisher } from "./log-publisher.ts";
import { NetworkAcknowledgement } from "./network-acknowledgement.ts";
import type { NetworkKeeper } from "./network-keeper.ts";
import type { PeerImages } from "./peer-images.ts";
import type { Reporter } from "./reporter.ts";
import { type DialOffer, offerTunnels, type TunnelDeps } from "./tunnel-offers.ts";
import type { Worker } from "./worker.ts";

/** Longest wait for a manager's answer. Source: fact sheet 6.5. */
const CALL_DEADLINE_MS = 5_000;
/**
 * The same for a registration, connecting included: another manager may be quicker, and the node's time runs. A node
 * that has just beaten has 3.3 s at least, in which it must be able to try a second manager.
 */
const REGISTRATION_DEADLINE_MS = 2_000;
/** The same for a beat: what takes longer is better asked of another manager, before the node counts as down. */
const BEAT_DEADLINE_MS = 2_000;
/** How often the node looks whether its description has changed. Source: fact sheet 6.5. */
const DESCRIBE_INTERVAL_MS = 20_000;

/** A connection to a manager, and the way to open tunnels to it: this node's own manager needs none. */
export type AgentConnection = ManagerConnection & { readonly dialOffer?: DialOffer };

export interface SessionDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly worker: Worker;
  readonly reporter: Reporter;
  readonly logs: LogPublisher;
  readonly networks: Pick<NetworkKeeper, "settled">;
  readonly desk: AttachmentDesk;
  readonly peers: PeerImages;
  /** What managers reach on this node. Absent: nothing. */
  readonly tunnels: TunnelDeps | undefined;
  /** The node as it is now; `unavailable` while the engine is away. */
  readonly describe: (signal: AbortSignal) => Promise<NodeDescription>;
  /** Says that the description has probably changed. */
  readonly describeAgain: Wakeup;
  readonly onMessage: (message: SessionMessage) => void;
  /** Keeps removing what belongs to no task, once the complete set of tasks is known. Ends only when aborted. */
  readonly keepOrphansAway: (signal: AbortSignal) => Promise<void>;
}

/**
 * One session with one manager, from registration to its loss: beats, assignments, statuses, networks, logs and changes
 * of the node's description each run by themselves, so that none delays another. The first that fails ends the session.
 *
 * @throws FlotillaError what ended the session: `unavailable` for a lost manager, `invalid` for a session that was
 *   replaced, `not_found` and `forbidden` for a node that the manager does not know (any more).
 */
export async function runSession(
  deps: SessionDeps,
  connection: AgentConnection,
  description: NodeDescription,
  signal: AbortSignal,
): Promise<never> {
  const { clock, logs, networks, desk, tunnels } = deps;
  await using jobs = new TaskGroup(signal);
  const messages = connection.session(description, jobs.signal)[Symbol.asyncIterator]();
  const first = await withDeadline(clock, REGISTRATION_DEADLINE_MS, "registration", jobs.signal, () => messages.next());
  if (first.done) throw ended();
  const { sessionId } = first.value;
  deps.onMessage(first.value);
  using _ = desk.serve(connection);
  using __ = deps.peers.serve(connection);
  const acknowledgement = new NetworkAcknowledgement({
    clock,
    settled: (stop) => networks.settled(stop),
    send: (resultsIn, stop) =>
      withDeadline(clock, CALL_DEADLINE_MS, "acknowledgement", stop, (call) =>
        connection.networksApplied(sessionId, resultsIn, call),
      ),
  });

  const endless = (name: string, job: (signal: AbortSignal) => Promise<void>) =>
    jobs.spawn(name, async (stop) => {
      await job(stop);
      throw ended();
    });
  endless("heartbeat", (stop) => beat(clock, (call) => connection.heartbeat(sessionId, call), stop));
  endless("session", async () => {
    for (let next = await messages.next(); !next.done; next = await messages.next()) deps.onMessage(next.value);
  });
  endless("assignments", (stop) => followAssignments(deps, connection, sessionId, acknowledgement, jobs, stop));
  endless("networks", (stop) => acknowledgement.run(stop));
  endless("logs", (stop) => logs.serve(connection, stop));
  const { dialOffer } = connection;
  if (tunnels && dialOffer) endless("tunnels", (stop) => offerTunnels(tunnels, dialOffer, stop));
  endless("description", (stop) => followDescription(deps, connection, sessionId, description, stop));

  try {
    return await jobs.done();
  } catch (failure) {
    signal.throwIfAborted();
    throw failure instanceof Error ? (failure.cause ?? failure) : failure;
  }
}

const ended = (): FlotillaError => new FlotillaError("unavailable", "the manager ended the session");

/** Beats as often as the manager asks for. */
async function beat(clock: Clock, call: (signal: AbortSignal) => Promise<number>, signal: AbortSignal): Promise<never> {
  for (;;) {
    const dueMs = await withDeadline(clock, BEAT_DEADLINE_MS, "heartbeat", signal, call);
    await clock.sleep(dueMs, signal);
  }
}

/** Statuses are told from the complete set on: only then is it known which tasks are this node's. */
async function followAssignments(
  deps: SessionDeps,
  connection: ManagerConnection,
  sessionId: string,
  acknowledgement: NetworkAcknowledgement,
  jobs: TaskGroup,
  signal: AbortSignal,
): Promise<void> {
  let held: string | undefined;
  for await (const message of connection.assignments(sessionId, signal)) {
    if (message.type === "incremental" && message.appliesTo !== held) {
      throw new FlotillaError(
        "unavailable",
        `assignments ${message.appliesTo} are missing: asking for all of them anew`,
      );
    }
    if (deps.worker.apply(message)) acknowledgement.note(message.resultsIn);
    if (message.type === "complete") {
      jobs.spawn("status reports", (stop) => reportStatuses(deps, connection, sessionId, stop));
      jobs.spawn("orphans", deps.keepOrphansAway);
    }
    held = message.resultsIn;
  }
}

/** Tells the manager what every task is at, then each change of it. */
async function reportStatuses(
  { clock, worker, reporter }: SessionDeps,
  connection: ManagerConnection,
  sessionId: string,
  signal: AbortSignal,
): Promise<void> {
  for (const { taskId, status } of worker.statuses()) reporter.report(taskId, status);
  const send = (updates: readonly StatusUpdate[], stop: AbortSignal) =>
    withDeadline(clock, CALL_DEADLINE_MS, "status report", stop, (call) =>
      connection.updateTaskStatus(sessionId, updates, call),
    );
  await reporter.run(send, signal);
}

/** Tells the manager when the node is no longer as described. An engine that is away changes nothing. */
async function followDescription(
  deps: SessionDeps,
  connection: ManagerConnection,
  sessionId: string,
  told: NodeDescription,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log, describe, describeAgain } = deps;
  for (let known = told; ; ) {
    await describeAgain.wait(clock, clock.now() + DESCRIBE_INTERVAL_MS, signal);
    try {
      const now = await describe(signal);
      if (isDeepStrictEqual(now, known)) continue;
      await withDeadline(clock, CALL_DEADLINE_MS, "description", signal, (call) =>
        connection.describe(sessionId, now, call),
      );
      known = now;
    } catch (err) {
      if (signal.aborted || errorCode(err) !== "unavailable") throw err;
      log.debug({ err: errorMessage(err) }, "description not renewed");
    }
  }
}
