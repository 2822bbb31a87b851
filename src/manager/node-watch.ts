import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import { HEARTBEAT_GRACE, UNKNOWN_GRACE } from "#model/defaults.ts";
import type { NodeId } from "#model/ids.ts";
import type { LiveManager, Node } from "#model/objects.ts";
import type { NodeDescription } from "#model/spec.ts";
import type { Change } from "#model/view.ts";
import { type Finding, isWatched, withDescription, withFinding } from "./node-status.ts";
import { beatIntervalMs, type Session, type Sessions } from "./sessions.ts";
import type { ClusterState } from "./state.ts";
import type { StoreContact } from "./store-contact.ts";
import { WriteQueue } from "./write-queue.ts";

export interface NodeWatchDeps {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly log: Logger;
  /** This manager's node. */
  readonly nodeId: NodeId;
  readonly contact: Pick<StoreContact, "holdsSince" | "nextLoss">;
  readonly sessions: Sessions;
}

/**
 * Writes which nodes are alive, of those that have their session with this manager.
 *
 * - A node's status is written by the manager that has its session, or had the last one: `NodeStatus.via`. A leader
 *   takes over those of a manager that is gone: see `runTakeover`.
 * - Nodes that are this manager's and have no session (it has just started, or took them over) are `unknown` until they
 *   connect, here or elsewhere, or their time is over.
 * - A node that misses its beats is `down`; its tasks are then other loops' business.
 * - A manager that cannot reach the store sends its agents away: another may take their nodes over. Nobody is found to
 *   be down meanwhile.
 */
export class NodeWatch {
  readonly #deps: NodeWatchDeps;
  readonly #sessions: Sessions;
  readonly #nodes: WriteQueue<"node">;

  constructor(deps: NodeWatchDeps) {
    this.#deps = deps;
    this.#sessions = deps.sessions;
    this.#nodes = new WriteQueue("node", deps.state, deps.clock);
  }

  async run(signal: AbortSignal): Promise<void> {
    await using jobs = new TaskGroup(signal);
    jobs.spawn("node status writer", (stop) => this.#nodes.run(stop));
    jobs.spawn("heartbeat watch", (stop) => this.#watchHeartbeats(stop));
    jobs.spawn("store contact", (stop) => this.#watchContact(stop));
    for (const node of this.#deps.state.view.list("node")) this.#awaitNode(node);
    await jobs.done();
  }

  /**
   * Writes that the node is here; always, so that this manager's view is then no older than what any manager has told the
   * node before: from an older one it would look as if the node's newest tasks were gone.
   */
  async register(node: Node, session: Session, addr: string, description: NodeDescription): Promise<void> {
    const { clock, log, nodeId } = this.#deps;
    log.info({ nodeId: node.id, hostname: description.Hostname, addr }, "node connected");
    await this.#nodes.put(node.id, (current) => {
      if (!this.#sessions.isCurrent(session)) return undefined;
      const described = withDescription(current, description, clock.now());
      const found = withFinding(described, { state: "ready", addr, via: nodeId }, clock.now());
      return { ...found, updatedAt: clock.now() };
    });
    session.isRegistered = true;
  }

  async describe(nodeId: NodeId, description: NodeDescription): Promise<void> {
    await this.#nodes.put(nodeId, (node) => withDescription(node, description, this.#deps.clock.now()));
  }

  /** The session's stream has ended; nothing is to be said of one that was replaced. */
  async left(session: Session): Promise<void> {
    if (!this.#sessions.isCurrent(session)) return;
    this.#sessions.end(session.nodeId, new FlotillaError("unavailable", "the session's stream ended"));
    await this.#note(session.nodeId, {
      state: "disconnected",
      message: "node is currently trying to find new manager",
    });
  }

  /** Must be told of every change. */
  route(change: Change): void {
    if (change.kind === "manager" && change.type === "create") this.#routeManager(change.object);
    if (change.kind !== "node") return;
    if (change.type !== "delete") this.#routeNode(change.object);
    else this.#sessions.forget(change.old.id, new FlotillaError("not_found", "node was removed from the swarm"));
  }

  /**
   * Writes what became of a node that has no session here (any more).
   * @returns whether it is written, or not true any more. That the store cannot be reached is no failure of the caller's.
   */
  async #note(nodeId: NodeId, finding: Finding): Promise<boolean> {
    const { clock, log } = this.#deps;
    const patch = (node: Node) =>
      this.#isOurs(node) && !this.#sessions.isConnected(nodeId) ? withFinding(node, finding, clock.now()) : undefined;
    try {
      await this.#nodes.put(nodeId, patch);
      return true;
    } catch (err) {
      log.debug({ err, nodeId }, "node state not written");
      return false;
    }
  }

  /** At a manager's start: gives a node that was up the chance to come back before it counts as down. */
  #awaitNode(node: Node): void {
    if (!this.#isOurs(node) || node.status.state === "down" || this.#sessions.isConnected(node.id)) return;
    this.#sessions.expect(node.id, UNKNOWN_GRACE);
    const message = "node moved to unknown state because the manager started anew";
    void this.#note(node.id, { state: "unknown", message });
  }

  async #watchHeartbeats(signal: AbortSignal): Promise<void> {
    const { state, clock, contact } = this.#deps;
    for (;;) {
      for (const nodeId of await this.#sessions.expired(signal)) {
        this.#sessions.end(nodeId, new FlotillaError("unavailable", "heartbeat failure"));
        // Without the store, no manager could take the node in.
        const since = clock.now() - beatIntervalMs(state.view.cluster) * HEARTBEAT_GRACE;
        if (contact.holdsSince(since)) void this.#giveUp(nodeId);
        else this.#sessions.expect(nodeId, UNKNOWN_GRACE);
      }
    }
  }

  async #watchContact(signal: AbortSignal): Promise<void> {
    const { contact, clock } = this.#deps;
    for (;;) {
      await contact.nextLoss(clock, signal);
      this.#sessions.endAll(new FlotillaError("unavailable", "this manager has lost the others: use another one"));
    }
  }

  async #giveUp(nodeId: NodeId): Promise<void> {
    const { state, log } = this.#deps;
    const wasUnknown = state.view.get("node", nodeId)?.status.state === "unknown";
    log.warn({ nodeId }, "node is down");
    const message = wasUnknown ? `heartbeat failure for node in "unknown" state` : "heartbeat failure";
    if (!(await this.#note(nodeId, { state: "down", message }))) this.#sessions.expect(nodeId, UNKNOWN_GRACE);
  }

  #routeManager({ id }: LiveManager): void {
    const { nodeId, state } = this.#deps;
    if (id !== nodeId) return;
    for (const node of state.view.list("node")) if (this.#sessions.isConnected(node.id)) this.#routeNode(node);
  }

  /** A node may come to this manager and leave it without a word: then others say where it is. */
  #routeNode(node: Node): void {
    const session = this.#sessions.of(node.id);
    const { state } = node.status;
    if (this.#isOurs(node)) {
      if (session === undefined && state !== "down") this.#sessions.expect(node.id, UNKNOWN_GRACE);
      else if (session !== undefined && state !== "ready") this.#claim(session);
    } else if (session === undefined) {
      this.#sessions.forget(node.id, registeredElsewhere());
    } else if (session.isRegistered) {
      if (state === "ready" && isWatched(node, this.#deps.state.view)) {
        this.#sessions.forget(node.id, registeredElsewhere());
      } else this.#claim(session);
    }
  }

  /**
   * Says once more that a node is here, of which another manager said something else meanwhile. One that others take for
   * lost does not: its nodes are the leader's.
   */
  #claim(session: Session): void {
    const { nodeId, clock, log, state } = this.#deps;
    if (!session.isRegistered || state.view.get("manager", nodeId) === undefined) return;
    this.#nodes
      .put(session.nodeId, (node) =>
        this.#sessions.isCurrent(session) ? withFinding(node, { state: "ready", via: nodeId }, clock.now()) : undefined,
      )
      .catch((err: unknown) => log.debug({ err, nodeId: session.nodeId }, "node state not written"));
  }

  #isOurs({ status }: Node): boolean {
    return status.via === this.#deps.nodeId;
  }
}

const registeredElsewhere = (): FlotillaError =>
  new FlotillaError("invalid", "the node has registered with another manager");
