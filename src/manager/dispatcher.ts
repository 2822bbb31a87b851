import { isDeepStrictEqual } from "node:util";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { NodeId } from "#model/ids.ts";
import type { Node, Revision, Task, TaskStatus } from "#model/objects.ts";
import type { NodeDescription } from "#model/spec.ts";
import { rank } from "#model/task-state.ts";
import type { Change } from "#model/view.ts";
import type { AgentService, AssignmentMessage, Caller, SessionMessage, StatusUpdate } from "#wire/protocol.ts";
import { AssignmentStreams } from "./assignment-streams.ts";
import { Mailboxes } from "./mailboxes.ts";
import { ManagerList } from "./manager-list.ts";
import { NodeWatch } from "./node-watch.ts";
import type { Session } from "./sessions.ts";
import { Sessions } from "./sessions.ts";
import type { ClusterState } from "./state.ts";
import type { StoreContact } from "./store-contact.ts";
import { WriteQueue } from "./write-queue.ts";

export interface DispatcherDeps {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: () => string;
  readonly log: Logger;
  /** This manager's node. */
  readonly nodeId: NodeId;
  readonly contact: Pick<StoreContact, "holdsSince" | "nextLoss" | "problem">;
  /** See `Withdrawals`. */
  readonly publish: (withdrawnUpTo: Revision) => void;
  /** PEM bundle of the roots that agents should trust now. */
  readonly trustRoot: () => string;
}

type DispatcherService = Pick<
  AgentService,
  "session" | "describe" | "heartbeat" | "assignments" | "updateTaskStatus" | "networksApplied"
>;

/**
 * Speaks with the agents that have their session with this manager: who is alive (see `NodeWatch`), what each node should
 * run, and what it says of its tasks.
 */
export class Dispatcher implements DispatcherService {
  readonly #deps: DispatcherDeps;
  readonly #sessions: Sessions;
  readonly #mailboxes = new Mailboxes();
  readonly #assignments: AssignmentStreams;
  readonly #managers: ManagerList;
  readonly #watch: NodeWatch;
  readonly #tasks: WriteQueue<"task">;

  constructor(deps: DispatcherDeps) {
    const { state, clock, random, newId } = deps;
    this.#deps = deps;
    this.#sessions = new Sessions({ clock, random, newId, cluster: () => state.view.cluster });
    this.#assignments = new AssignmentStreams({
      clock,
      log: deps.log,
      view: state.view,
      mailboxes: this.#mailboxes,
      isConnected: (nodeId) => this.#sessions.isConnected(nodeId),
      nodeId: deps.nodeId,
      publish: deps.publish,
    });
    this.#managers = new ManagerList(state.view);
    this.#watch = new NodeWatch({ ...deps, sessions: this.#sessions });
    this.#tasks = new WriteQueue("task", state, clock);
  }

  /** See `LiveManager`. */
  get withdrawnUpTo(): Revision {
    return this.#assignments.withdrawnUpTo;
  }

  async run(signal: AbortSignal): Promise<never> {
    await using jobs = new TaskGroup(signal);
    const commits = this.#deps.state.commits(jobs.signal);
    jobs.spawn("node watch", (stop) => this.#watch.run(stop));
    jobs.spawn("task status writer", (stop) => this.#tasks.run(stop));
    jobs.spawn("withdrawals", (stop) => this.#assignments.run(stop));
    jobs.spawn("assignment routing", async () => {
      for await (const commit of commits) {
        for (const change of commit.changes) this.#route(change);
        this.#assignments.route(commit);
      }
    });
    return await jobs.done();
  }

  async *session(caller: Caller, description: NodeDescription, signal: AbortSignal): AsyncIterable<SessionMessage> {
    const { problem } = this.#deps.contact;
    if (problem !== undefined) throw new FlotillaError("unavailable", problem);
    const node = this.#node(caller.nodeId);
    const session = this.#sessions.open(caller.nodeId, signal);
    const mailbox = this.#mailboxes.of(caller.nodeId);
    const stop = session.abort.signal;
    try {
      await this.#watch.register(node, session, caller.addr, description);
      for (let sent: SessionMessage | undefined; ; ) {
        const message = this.#sessionMessage(session);
        if (!isDeepStrictEqual(message, sent)) yield message;
        sent = message;
        await mailbox.session.wait(this.#deps.clock, undefined, stop);
      }
    } finally {
      await this.#watch.left(session);
    }
  }

  async describe(caller: Caller, sessionId: string, description: NodeDescription): Promise<void> {
    this.#sessions.check(caller.nodeId, sessionId);
    await this.#watch.describe(caller.nodeId, description);
  }

  async heartbeat(caller: Caller, sessionId: string): Promise<number> {
    this.#sessions.check(caller.nodeId, sessionId);
    return this.#sessions.beat(caller.nodeId);
  }

  async *assignments(caller: Caller, sessionId: string, signal: AbortSignal): AsyncIterable<AssignmentMessage> {
    const session = this.#sessions.check(caller.nodeId, sessionId);
    yield* this.#assignments.open(caller.nodeId, AbortSignal.any([signal, session.abort.signal]));
  }

  async networksApplied(caller: Caller, sessionId: string, resultsIn: string): Promise<void> {
    this.#sessions.check(caller.nodeId, sessionId);
    this.#assignments.confirm(caller.nodeId, resultsIn);
  }

  async updateTaskStatus(caller: Caller, sessionId: string, updates: readonly StatusUpdate[]): Promise<void> {
    this.#sessions.check(caller.nodeId, sessionId);
    const { view } = this.#deps.state;
    for (const { taskId } of updates) {
      const task = view.get("task", taskId);
      if (task !== undefined && task.nodeId !== caller.nodeId) {
        throw new FlotillaError("forbidden", `task ${taskId} does not belong to node ${caller.nodeId}`);
      }
    }
    const write = ({ taskId, status }: StatusUpdate) =>
      this.#tasks.put(taskId, (task) => withStatus(task, status, this.#deps.clock.now()));
    await Promise.all(updates.map(write));
  }

  #node(nodeId: NodeId): Node {
    const node = this.#deps.state.view.get("node", nodeId);
    if (node === undefined) throw new FlotillaError("not_found", `node ${nodeId} not found`);
    return node;
  }

  #sessionMessage(session: Session): SessionMessage {
    const node = this.#node(session.nodeId);
    return {
      sessionId: session.id,
      node: { id: node.id, spec: node.spec, role: node.role },
      managers: this.#managers.managers,
      trustRoot: this.#deps.trustRoot(),
      renewCertificate: isToBeRenewed(node),
    };
  }

  #route(change: Change): void {
    this.#mailboxes.deliver(change);
    this.#managers.route(change);
    this.#watch.route(change);
  }
}

/** Role and root of a certificate are those of its time. */
const isToBeRenewed = ({ certificate, role }: Node): boolean =>
  certificate.state === "renew" || certificate.state === "rotate" || certificate.role !== role;

/** The task with what its agent says, or undefined: states never move back. */
function withStatus(task: Task, status: TaskStatus, now: number): Task | undefined {
  if (rank(status.state) < rank(task.status.state)) return undefined;
  const { appliedAt: _, ...known } = task.status;
  if (isDeepStrictEqual(known, status)) return undefined;
  const ranAt = task.ranAt ?? (status.state === "running" ? now : undefined);
  return {
    ...task,
    status: { ...status, appliedAt: now },
    updatedAt: now,
    ...(ranAt !== undefined && { ranAt }),
  };
}
