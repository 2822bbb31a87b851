import { isAbort, LinkedAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { NodeId } from "#model/ids.ts";
import { LEADERSHIP_ID, type Leadership, type Revision } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import { hasOtherToLead, mayLead } from "#plan/managers.ts";
import type { Lease, Store } from "#store/store.ts";
import { keepTrying } from "./keep-trying.ts";
import type { ClusterState } from "./state.ts";

/**
 * How long a leader that is gone still counts as one. Short, as the cluster's control loops stand still meanwhile; long
 * enough for a busy disk, or an election among the store's own members (0.5 s each).
 */
const LEASE_MS = 2_000;
/** How long a manager whose store leads leaves a vacancy to the others. */
const HEAD_START_MS = 250;
/** How long the two may lead on one host: longer than an election in the store, which may end as it began. */
const TOGETHER_MS = 1_500;
/** Between looks whether they do. */
const LOOK_MS = 500;

export interface LeadershipDeps {
  readonly nodeId: NodeId;
  readonly leases: Pick<Store, "lease">;
  /**
   * Whether this manager's member of the store leads the other members. Another manager should then lead the cluster:
   * with its host the cluster would lose both, and leases begin anew when the store's leader is lost.
   */
  readonly storeLeads: () => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/**
 * The cluster's state for a leader: its commits are refused, and `lost` aborts, once another manager leads. What else
 * a leader decides upon, it decides upon at its own risk until then.
 */
export type LeaderWork = (fenced: ClusterState, lost: AbortSignal) => Promise<never>;

/**
 * Does `work` whenever this manager leads the cluster, until `signal` aborts. There is never more than one leader whose
 * writes are accepted:
 *
 * - Who leads holds the `leadership` object, which goes with its lease; every commit of a leader checks that the object
 *   is the one that it made.
 * - The work is stopped before the lease ends, and another manager begins after: with clocks of equal speed, two never
 *   work at once. Where they are not, the check holds.
 * - A manager that is to be a worker lets others lead, and so does one whose member leads the store.
 *
 * @throws what `work` throws while it leads: then leadership is given up at once.
 */
export async function lead(
  state: ClusterState,
  deps: LeadershipDeps,
  work: LeaderWork,
  signal: AbortSignal,
): Promise<never> {
  return keepTrying(deps, "cannot stand for leadership", signal, async () => {
    await vacancy(state, deps, signal);
    await using lease = await deps.leases.lease(LEASE_MS, signal);
    const leadership = await take(state, deps, lease, signal);
    if (leadership !== undefined) await serve(state, deps, leadership, lease, work, signal);
  });
}

/** Resolves when nobody leads, and this manager may; where others had better lead, when none of them does. */
async function vacancy(state: ClusterState, deps: LeadershipDeps, signal: AbortSignal): Promise<void> {
  using waiting = new LinkedAbort(signal);
  const commits = state.commits(waiting.signal)[Symbol.asyncIterator]();
  for (;;) {
    if (isVacant(state, deps.nodeId)) {
      if (!shouldGiveWay(state, deps)) return;
      await deps.clock.sleep(HEAD_START_MS, signal);
      if (isVacant(state, deps.nodeId)) return;
    }
    if ((await commits.next()).done) throw over("the stream of changes ended");
  }
}

/** An object of this very node is what an earlier process of it has left behind: nobody acts on it any more. */
function isVacant(state: ClusterState, nodeId: NodeId): boolean {
  const leadership = leadershipOf(state);
  return mayLead(state.view, nodeId) && (leadership === undefined || leadership.nodeId === nodeId);
}

/** @returns the leadership that this manager has now; undefined when another was faster. */
async function take(
  state: ClusterState,
  { nodeId, clock }: LeadershipDeps,
  lease: Lease,
  signal: AbortSignal,
): Promise<Leadership | undefined> {
  const leftBehind = leadershipOf(state);
  if (leftBehind !== undefined) {
    // Another was faster while the lease was asked for.
    if (leftBehind.nodeId !== nodeId) return undefined;
    const { version } = leftBehind;
    await state.commit([{ type: "delete", kind: "leadership", id: LEADERSHIP_ID, expect: version }], signal);
  }
  const now = clock.now();
  const object: Leadership = {
    kind: "leadership",
    id: LEADERSHIP_ID,
    version: 0,
    createdAt: now,
    updatedAt: now,
    nodeId,
    since: now,
  };
  const result = await state.commit([{ type: "create", object, lease: lease.id }], signal);
  return result.ok ? { ...object, version: result.revision } : undefined;
}

/** Works until leadership is lost. @throws what the work throws, or the reason of `signal`. */
async function serve(
  state: ClusterState,
  deps: LeadershipDeps,
  leadership: Leadership,
  lease: Lease,
  work: LeaderWork,
  signal: AbortSignal,
): Promise<void> {
  const { log } = deps;
  using lost = new LinkedAbort(signal);
  const depose = (cause: unknown) => lost.abort(new FlotillaError("unavailable", "no longer leads", { cause }));
  const onLeaseLost = () => depose(lease.lost.reason);
  lease.lost.addEventListener("abort", onLeaseLost, { once: true });
  if (lease.lost.aborted) onLeaseLost();
  log.info({ version: leadership.version }, "leads the cluster");
  const watching = Promise.race([
    watchLeadership(state, leadership, lost.signal),
    untilGivingWay(state, deps, lost.signal),
  ]).catch(depose);
  try {
    await work(fence(state, leadership.version, depose), lost.signal);
  } catch (err) {
    signal.throwIfAborted();
    if (!isAbort(err, lost.signal)) throw err;
    log.warn({ err: lost.signal.reason.cause }, "no longer leads the cluster");
  } finally {
    lease.lost.removeEventListener("abort", onLeaseLost);
    lost.abort(new Error("the work is over"));
    await watching;
  }
}

/** @throws when the leadership is over. */
async function watchLeadership(
  state: ClusterState,
  { nodeId, version }: Leadership,
  signal: AbortSignal,
): Promise<never> {
  const commits = state.commits(signal);
  const check = () => {
    if (leadershipOf(state)?.version !== version) throw over("the leadership was taken away");
    if (!mayLead(state.view, nodeId)) throw over("this manager is being demoted");
  };
  check();
  for await (const _ of commits) check();
  throw over("the stream of changes ended");
}

/** @throws when another manager had better lead, and not for a moment only. */
async function untilGivingWay(state: ClusterState, deps: LeadershipDeps, signal: AbortSignal): Promise<never> {
  for (let togetherMs = 0; togetherMs < TOGETHER_MS; ) {
    await deps.clock.sleep(LOOK_MS, signal);
    togetherMs = shouldGiveWay(state, deps) ? togetherMs + LOOK_MS : 0;
  }
  throw over("this manager's member leads the store too");
}

const shouldGiveWay = ({ view }: ClusterState, { nodeId, storeLeads }: LeadershipDeps): boolean =>
  storeLeads() && hasOtherToLead(view, nodeId);

const over = (why: string): FlotillaError => new FlotillaError("unavailable", why);

/** The state as a leader may use it: each of its commits is refused unless its leadership is still there. */
function fence(state: ClusterState, version: Revision, depose: (cause: unknown) => void): ClusterState {
  const check: Operation = { type: "check", kind: "leadership", id: LEADERSHIP_ID, expect: version };
  return {
    view: state.view,
    commits: (signal) => state.commits(signal),
    async commit(operations, signal) {
      const result = await state.commit([check, ...operations], signal);
      if (result.ok || !isFence(result.conflict.operation)) return result;
      const refused = new FlotillaError("unavailable", "the write of a former leader was refused");
      depose(refused);
      throw refused;
    },
  };
}

const isFence = (operation: Operation): boolean => operation.type === "check" && operation.kind === "leadership";

const leadershipOf = ({ view }: ClusterState): Leadership | undefined => view.get("leadership", LEADERSHIP_ID);
