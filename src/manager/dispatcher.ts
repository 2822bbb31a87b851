import { isDeepStrictEqual } from "node:util";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { UNKNOWN_GRACE } from "#model/defaults.ts";
import type { NodeId } from "#model/ids.ts";
import type { Node, NodeState, NodeStatus, Task, TaskStatus } from "#model/objects.ts";
import type { NodeDescription } from "#model/spec.ts";
import { rank } from "#model/task-state.ts";
import type { Change } from "#model/view.ts";
import type { AgentService, AssignmentMessage, Caller, SessionMessage, StatusUpdate } from "#wire/protocol.ts";
import { AssignmentStreams } from "./assignment-streams.ts";
import { Mailboxes } from "./mailboxes.ts";
import type { Session } from "./sessions.ts";
import { Sessions } from "./sessions.ts";
import type { ClusterState } from "./state.ts";
import { WriteQueue } from "./write-queue.ts";

export interface DispatcherDeps {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: () => string;
  readonly log: Logger;
  /** PEM bundle of the roots that agents should trust now. */
  readonly trustRoot: () => string;
}

type DispatcherService = Pick<
  AgentService,
  "session" | "describe" | "heartbeat" | "assignments" | "updateTaskStatus" | "networksApplied"
>;

/**
 * Speaks with the agents: who is alive, what each node should run, and what it says of its tasks.
 *
 * - Nodes that were up when this manager started count as `unknown` until they connect or their time is over.
 * - A node that misses its beats is `down`; its tasks are then other loops' business.
 */
export class Dispatcher implements DispatcherService {
  readonly #deps: DispatcherDeps;
  readonly #sessions: Sessions;
  readonly #mailboxes = new Mailboxes();
  readonly #assignments: AssignmentStreams;
  readonly #nodes: WriteQueue<"node">;
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
    });
    this.#nodes = new WriteQueue("node", state, clock);
    this.#tasks = new WriteQueue("task", state, clock);
  }

  async run(signal: AbortSignal): Promise<void> {
    await using jobs = new TaskGroup(signal);
    const commits = this.#deps.state.commits(jobs.signal);
    jobs.spawn("node status writer", (stop) => this.#nodes.run(stop));
    jobs.spawn("task status writer", (stop) => this.#tasks.run(stop));
    jobs.spawn("heartbeat watch", (stop) => this.#watchHeartbeats(stop));
    jobs.spawn("withdrawals", (stop) => this.#assignments.run(stop));
    jobs.spawn("assignment routing", async () => {
      for await (const commit of commits) {
        for (const change of commit.changes) this.#route(change);
        this.#assignments.route(commit);
      }
    });
    for (const node of this.#deps.state.view.list("node")) this.#awaitNode(node);
    await jobs.done();
  }

  async *session(caller: Caller, description: NodeDescription, signal: AbortSignal): AsyncIterable<SessionMessage> {
    const node = this.#node(caller.nodeId);
    const session = this.#sessions.open(caller.nodeId, signal);
    const mailbox = this.#mailboxes.of(caller.nodeId);
    const stop = session.abort.signal;
    try {
      await this.#register(node, caller.addr, description);
      for (let sent: SessionMessage | undefined; ; ) {
        const message = this.#sessionMessage(session);
        if (!isDeepStrictEqual(message, sent)) yield message;
        sent = message;
        await mailbox.session.wait(this.#deps.clock, undefined, stop);
      }
    } finally {
      await this.#left(session);
    }
  }

  async describe(caller: Caller, sessionId: string, description: NodeDescription): Promise<void> {
    this.#sessions.check(caller.nodeId, sessionId);
    await this.#nodes.put(caller.nodeId, (node) => withDescription(node, description, this.#deps.clock.now()));
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
    const managers = [...this.#deps.state.view.list("node")].flatMap((other) =>
      other.manager ? [{ nodeId: other.id, addr: other.manager.addr }] : [],
    );
    return {
      sessionId: session.id,
      node: { id: node.id, spec: node.spec, role: node.role },
      managers,
      trustRoot: this.#deps.trustRoot(),
      renewCertificate: node.certificate.state === "renew" || node.certificate.state === "rotate",
    };
  }

  async #register(node: Node, addr: string, description: NodeDescription): Promise<void> {
    const { clock, log } = this.#deps;
    log.info({ nodeId: node.id, hostname: description.Hostname, addr }, "node connected");
    await this.#nodes.put(node.id, (current) => {
      const described = withDescription(current, description, clock.now()) ?? current;
      return withNodeState(described, "ready", undefined, clock.now(), addr);
    });
  }

  async #left(session: Session): Promise<void> {
    if (!this.#sessions.isCurrent(session)) return;
    this.#sessions.end(session.nodeId, new FlotillaError("unavailable", "the session's stream ended"));
    const message = "node is currently trying to find new manager";
    await this.#setState(session.nodeId, "disconnected", message);
  }

  /** Writes a node's state; that it cannot be written because the manager stops is no failure of the caller's. */
  async #setState(nodeId: NodeId, state: NodeState, message: string): Promise<void> {
    const { clock } = this.#deps;
    await this.#nodes
      .put(nodeId, (node) =>
        state === "down" || !this.#sessions.isConnected(nodeId)
          ? withNodeState(node, state, message, clock.now())
          : undefined,
      )
      .catch((err: unknown) => this.#deps.log.debug({ err, nodeId }, "node state not written"));
  }

  /** At a manager's start: gives a node that was up the chance to come back before it counts as down. */
  #awaitNode(node: Node): void {
    if (node.status.state === "down" || this.#sessions.isConnected(node.id)) return;
    this.#sessions.expect(node.id, UNKNOWN_GRACE);
    const message = "node moved to unknown state because the manager started anew";
    void this.#setState(node.id, "unknown", message);
  }

  async #watchHeartbeats(signal: AbortSignal): Promise<void> {
    for (;;) {
      for (const nodeId of await this.#sessions.expired(signal)) {
        const state = this.#deps.state.view.get("node", nodeId)?.status.state;
        this.#sessions.end(nodeId, new FlotillaError("unavailable", "heartbeat failure"));
        this.#deps.log.warn({ nodeId }, "node is down");
        const message = state === "unknown" ? `heartbeat failure for node in "unknown" state` : "heartbeat failure";
        void this.#setState(nodeId, "down", message);
      }
    }
  }

  #route(change: Change): void {
    this.#mailboxes.deliver(change);
    if (change.kind === "node" && change.type === "delete") this.#sessions.forget(change.old.id);
  }
}

function withNodeState(node: Node, state: NodeState, message: string | undefined, now: number, addr?: string): Node {
  const since = node.status.state === state ? node.status.since : now;
  const status: NodeStatus = {
    state,
    addr: addr ?? node.status.addr,
    since,
    ...(message !== undefined && { message }),
  };
  return isDeepStrictEqual(status, node.status) ? node : { ...node, status, updatedAt: now };
}

const withDescription = (node: Node, description: NodeDescription, now: number): Node | undefined =>
  isDeepStrictEqual(node.description, description) ? undefined : { ...node, description, updatedAt: now };

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
