import { LinkedAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import { Wakeup } from "#base/wakeup.ts";
import { HEARTBEAT_GRACE, HEARTBEAT_PERIOD_MS, HEARTBEATS_PER_PERIOD, nsToMs } from "#model/defaults.ts";
import type { NodeId } from "#model/ids.ts";
import type { Cluster } from "#model/objects.ts";

/** Beats are spread by up to this share of their interval in each direction, so that nodes do not beat in step. */
const JITTER = 0.1;

/** A timer that is later than this says that the process was stopped or starved. */
const HELD_UP_MS = 300;

/** Any period is accepted, as by Docker; but beats closer together than this would only drown the manager. */
const LEAST_INTERVAL_MS = 100;

/** The time between two beats of an agent, from the cluster's heartbeat period. */
export function beatIntervalMs(cluster: Cluster | undefined): number {
  const periodMs = nsToMs(cluster?.spec.Dispatcher.HeartbeatPeriod || HEARTBEAT_PERIOD_MS * 1e6);
  return Math.max(periodMs / HEARTBEATS_PER_PERIOD, LEAST_INTERVAL_MS);
}

/** One agent's connection. */
export interface Session {
  readonly id: string;
  readonly nodeId: NodeId;
  /** Aborts when the session is replaced, expires, or its node is removed. */
  readonly abort: LinkedAbort;
  /** Whether the node is known to be here: from then on, another manager's word that it has the node is a newer one. */
  isRegistered: boolean;
}

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: () => string;
  readonly cluster: () => Cluster | undefined;
}

/**
 * Who is connected, and until when each node counts as alive.
 *
 * - A node has at most one session; a new one ends the old.
 * - A deadline belongs to the node, not to the session: a node that reconnects in time was never down.
 */
export class Sessions {
  readonly #deps: Deps;
  readonly #sessions = new Map<NodeId, Session>();
  readonly #deadlines = new Map<NodeId, number>();
  /** Nodes that were given time back since their last beat. */
  readonly #forgiven = new Set<NodeId>();
  readonly #wakeup = new Wakeup();
  #waitingUntil: number | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  open(nodeId: NodeId, signal: AbortSignal): Session {
    this.end(nodeId, new FlotillaError("invalid", "session replaced by a newer one of the same node"));
    const session: Session = { id: this.#deps.newId(), nodeId, abort: new LinkedAbort(signal), isRegistered: false };
    this.#sessions.set(nodeId, session);
    this.#extend(nodeId, 1);
    this.#wakeup.wake();
    return session;
  }

  /** @throws FlotillaError `not_found` for an unregistered node, `invalid` for a session that is no longer the node's. */
  check(nodeId: NodeId, sessionId: string): Session {
    const session = this.#sessions.get(nodeId);
    if (session === undefined) throw new FlotillaError("not_found", "node not registered");
    if (session.id !== sessionId) throw new FlotillaError("invalid", "session invalid");
    return session;
  }

  isCurrent(session: Session): boolean {
    return this.#sessions.get(session.nodeId) === session;
  }

  isConnected(nodeId: NodeId): boolean {
    return this.#sessions.has(nodeId);
  }

  /** Ends the node's session, if it has one. Its deadline stays. */
  end(nodeId: NodeId, reason: Error): void {
    const session = this.#sessions.get(nodeId);
    this.#sessions.delete(nodeId);
    session?.abort.abort(reason);
    session?.abort[Symbol.dispose]();
  }

  /** The node's session; undefined while it has none here. */
  of(nodeId: NodeId): Session | undefined {
    return this.#sessions.get(nodeId);
  }

  /** Ends all sessions. Deadlines stay. */
  endAll(reason: Error): void {
    for (const nodeId of this.#sessions.keys()) this.end(nodeId, reason);
  }

  /** Ends the node's session, if it has one, and its deadline. */
  forget(nodeId: NodeId, reason: Error): void {
    this.end(nodeId, reason);
    this.#drop(nodeId);
  }

  /** @returns milliseconds until the next beat is due. */
  beat(nodeId: NodeId): number {
    this.#extend(nodeId, 1);
    const interval = beatIntervalMs(this.#deps.cluster());
    return interval * (1 + (2 * this.#deps.random.next() - 1) * JITTER);
  }

  /** Gives a node that has not connected yet `times` the usual time to do so. */
  expect(nodeId: NodeId, times: number): void {
    if (this.#deadlines.has(nodeId)) return;
    this.#extend(nodeId, times);
    this.#wakeup.wake();
  }

  /** Waits for nodes whose time is over, and takes them off the list. */
  async expired(signal: AbortSignal): Promise<NodeId[]> {
    for (;;) {
      const now = this.#deps.clock.now();
      this.#forgive(now);
      const late = [...this.#deadlines].filter(([, deadline]) => deadline <= now).map(([nodeId]) => nodeId);
      for (const nodeId of late) this.#drop(nodeId);
      if (late.length > 0) return late;
      this.#waitingUntil = this.#earliest();
      await this.#wakeup.wait(this.#deps.clock, this.#waitingUntil, signal);
    }
  }

  /**
   * When this process itself was held up, the beats it did not read are not missing: every node gets the time back, and
   * at least one interval for the beats that wait to be read. Once until it beats, lest a slow manager never gives up;
   * and no more than a life, lest a clock that jumped keeps a lost node alive.
   */
  #forgive(now: number): void {
    const heldUp = this.#waitingUntil === undefined ? 0 : now - this.#waitingUntil;
    this.#waitingUntil = undefined;
    if (heldUp < HELD_UP_MS) return;
    const interval = beatIntervalMs(this.#deps.cluster());
    const [soonest, latest] = [now + interval, now + interval * HEARTBEAT_GRACE];
    for (const [nodeId, deadline] of this.#deadlines) {
      if (this.#forgiven.has(nodeId)) continue;
      this.#forgiven.add(nodeId);
      this.#deadlines.set(nodeId, Math.max(deadline, soonest, Math.min(deadline + heldUp, latest)));
    }
  }

  #extend(nodeId: NodeId, times: number): void {
    const life = beatIntervalMs(this.#deps.cluster()) * HEARTBEAT_GRACE * times;
    this.#deadlines.set(nodeId, this.#deps.clock.now() + life);
    this.#forgiven.delete(nodeId);
  }

  #drop(nodeId: NodeId): void {
    this.#deadlines.delete(nodeId);
    this.#forgiven.delete(nodeId);
  }

  #earliest(): number | undefined {
    let earliest: number | undefined;
    for (const deadline of this.#deadlines.values()) {
      if (earliest === undefined || deadline < earliest) earliest = deadline;
    }
    return earliest;
  }
}
