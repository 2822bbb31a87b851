import type { Duplex } from "node:stream";
import { LinkedAbort, withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { splice } from "#base/splice.ts";
import type { NodeId } from "#model/ids.ts";
import type { LiveManager, Node } from "#model/objects.ts";
import type { Change } from "#model/view.ts";
import type { Caller } from "#wire/protocol.ts";
import { type OpenTarget, readTarget, type TunnelHello, type TunnelTarget, writeTarget } from "#wire/tunnel.ts";
import type { ClusterState } from "./state.ts";

/**
 * How long a node may take to have a session and an unused tunnel where it can be reached: it may be on its way to another
 * manager, because it has lost its own.
 */
const REACH_MS = 5_000;
/** How long a node that should have an unused tunnel here may take to open one, when another manager asks. */
const SPARE_MS = 3_000;
/** Wait before a manager is asked again that could not be reached. */
const RETRY_MS = 100;

interface Deps {
  readonly state: Pick<ClusterState, "view" | "commits">;
  /** The manager's own node. */
  readonly nodeId: NodeId;
  readonly clock: Clock;
  readonly log: Logger;
  /** For the manager's own node. */
  readonly openTarget: OpenTarget;
  readonly reachPeer: ReachPeer;
}

/** Reaches for a node at the manager at `addr` that has its session. */
export type ReachPeer = (addr: string, nodeId: NodeId, signal: AbortSignal) => Promise<Duplex>;

/** Why an attempt is given up for the next one. */
const MOVED = new Error("the node has changed its manager");

/** Ends the watch over an unused tunnel. */
type Forget = () => void;

/**
 * A manager's connections to services of nodes, wherever the node's session is. Agents keep some tunnels open that
 * nobody uses yet; each use takes one, and the agent opens another.
 */
export class Tunnels {
  readonly #deps: Deps;
  readonly #spare = new Map<NodeId, Map<Duplex, Forget>>();
  readonly #waiting = new Map<NodeId, Set<(socket: Duplex) => void>>();
  /** With the manager that each leads through; undefined for this one. */
  readonly #used = new Map<NodeId, Map<Duplex, NodeId | undefined>>();
  /** Attempts to reach nodes, to be made anew when these move. */
  readonly #attempts = new Map<NodeId, Set<LinkedAbort>>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Takes a tunnel that arrived at this manager's listener. */
  accept(caller: Caller, hello: TunnelHello, socket: Duplex, signal: AbortSignal): void {
    if (hello.kind === "offer") return this.#keep(caller.nodeId, socket);
    this.#lead(hello.nodeId, socket, signal).catch((err: unknown) => {
      this.#deps.log.debug({ err, node: hello.nodeId }, "another manager's tunnel not joined");
      socket.destroy();
    });
  }

  /**
   * Opens a connection to a service of a node.
   * @throws FlotillaError `not_found` for a node that the cluster does not have, `unavailable` for one that is down or
   * does not answer.
   */
  async open(nodeId: NodeId, target: TunnelTarget, signal: AbortSignal): Promise<Duplex> {
    const { nodeId: own, openTarget, clock } = this.#deps;
    if (nodeId === own) return await openTarget(target, signal);
    this.#nodeToReach(nodeId);
    const what = `a connection to node ${this.#nameOf(nodeId)}`;
    const socket = await withDeadline(clock, REACH_MS, what, signal, (within) => this.#reach(nodeId, within));
    writeTarget(socket, target);
    return socket;
  }

  /** Ends the connections that lead to nodes or through managers that are lost: whoever waits for an answer hears of it. */
  async run(signal: AbortSignal): Promise<void> {
    for await (const { changes } of this.#deps.state.commits(signal)) for (const change of changes) this.#note(change);
  }

  #note(change: Change): void {
    if (change.kind === "manager" && change.type === "delete") this.#dropThrough(change.old.id);
    if (change.kind !== "node") return;
    const { id, status } = change.type === "delete" ? change.old : change.object;
    if (change.type === "delete" || status.state === "down") this.#drop(id);
    if (change.type === "update" && status.via === change.old.status.via && status.state !== "down") return;
    for (const attempt of this.#attempts.get(id) ?? []) attempt.abort(MOVED);
  }

  /** Tries until it succeeds, and follows a node that changes its manager. @throws FlotillaError for a node that is lost. */
  async #reach(nodeId: NodeId, signal: AbortSignal): Promise<Duplex> {
    for (;;) {
      using attempt = new LinkedAbort(signal);
      const attempts = this.#attempts.get(nodeId) ?? new Set();
      this.#attempts.set(nodeId, attempts.add(attempt));
      try {
        return await this.#reachNow(this.#nodeToReach(nodeId), attempt.signal);
      } catch (err) {
        signal.throwIfAborted();
        this.#nodeToReach(nodeId);
        this.#deps.log.debug({ err: errorMessage(err), node: nodeId }, "node not reached yet");
        if (!attempt.signal.aborted) await this.#deps.clock.sleep(RETRY_MS, signal);
      } finally {
        attempts.delete(attempt);
        if (attempts.size === 0 && this.#attempts.get(nodeId) === attempts) this.#attempts.delete(nodeId);
      }
    }
  }

  async #reachNow(node: Node, signal: AbortSignal): Promise<Duplex> {
    const manager = this.#spare.has(node.id) ? undefined : this.#managerOf(node);
    const socket = manager
      ? await this.#deps.reachPeer(manager.addr, node.id, signal)
      : await this.#take(node.id, signal);
    this.#use(node.id, socket, manager?.id);
    return socket;
  }

  #nodeToReach(nodeId: NodeId): Node {
    const node = this.#deps.state.view.get("node", nodeId);
    if (node === undefined) throw new FlotillaError("not_found", `node ${nodeId} not found`);
    if (node.status.state === "down") {
      throw new FlotillaError("unavailable", `node ${this.#nameOf(nodeId)} is down`);
    }
    return node;
  }

  #nameOf(nodeId: NodeId): string {
    return this.#deps.state.view.get("node", nodeId)?.description?.Hostname ?? nodeId;
  }

  /** The other manager that has the node's session; undefined when this one has it, or nobody. */
  #managerOf({ status }: Node): LiveManager | undefined {
    const { via } = status;
    if (via === undefined || via === this.#deps.nodeId) return undefined;
    return this.#deps.state.view.get("manager", via);
  }

  #keep(nodeId: NodeId, socket: Duplex): void {
    for (const waiter of this.#waiting.get(nodeId) ?? []) {
      this.#waiting.get(nodeId)?.delete(waiter);
      return waiter(socket);
    }
    const spare = this.#spare.get(nodeId) ?? new Map<Duplex, Forget>();
    this.#spare.set(nodeId, spare);
    // An unused tunnel is silent: what is to be read from it is its end.
    const onEnd = () => {
      forget();
      socket.destroy();
    };
    const forget = () => {
      socket.off("readable", onEnd).off("close", onEnd);
      spare.delete(socket);
      if (spare.size === 0 && this.#spare.get(nodeId) === spare) this.#spare.delete(nodeId);
    };
    spare.set(socket, forget);
    socket.on("readable", onEnd).on("close", onEnd);
  }

  async #take(nodeId: NodeId, signal: AbortSignal): Promise<Duplex> {
    for (const [socket, forget] of this.#spare.get(nodeId) ?? []) {
      forget();
      return socket;
    }
    const { promise, resolve } = Promise.withResolvers<Duplex>();
    const waiting = this.#waiting.get(nodeId) ?? new Set();
    this.#waiting.set(nodeId, waiting.add(resolve));
    try {
      const what = `a connection to node ${this.#nameOf(nodeId)}`;
      return await withDeadline(this.#deps.clock, SPARE_MS, what, signal, () => promise);
    } finally {
      waiting.delete(resolve);
      if (waiting.size === 0 && this.#waiting.get(nodeId) === waiting) this.#waiting.delete(nodeId);
    }
  }

  /** Joins another manager's tunnel with one of the node's; this manager's own node needs none. */
  async #lead(nodeId: NodeId, socket: Duplex, signal: AbortSignal): Promise<void> {
    const { nodeId: own, openTarget } = this.#deps;
    if (nodeId === own) return await splice(socket, await openTarget(await readTarget(socket, signal), signal));
    const far = await this.#take(nodeId, signal);
    this.#use(nodeId, far);
    await splice(socket, far);
  }

  #use(nodeId: NodeId, socket: Duplex, through?: NodeId): void {
    const used = this.#used.get(nodeId) ?? new Map<Duplex, NodeId | undefined>();
    this.#used.set(nodeId, used.set(socket, through));
    socket.on("error", (err) => this.#deps.log.debug({ err: errorMessage(err), node: nodeId }, "tunnel broke"));
    socket.once("close", () => {
      used.delete(socket);
      if (used.size === 0 && this.#used.get(nodeId) === used) this.#used.delete(nodeId);
    });
  }

  #drop(nodeId: NodeId): void {
    for (const socket of this.#used.get(nodeId)?.keys() ?? []) socket.destroy(this.#lost(nodeId));
    for (const socket of this.#spare.get(nodeId)?.keys() ?? []) socket.destroy();
  }

  #dropThrough(managerId: NodeId): void {
    for (const [nodeId, used] of this.#used) {
      for (const [socket, through] of used) if (through === managerId) socket.destroy(this.#lost(nodeId));
    }
  }

  #lost(nodeId: NodeId): FlotillaError {
    return new FlotillaError("unavailable", `the connection to node ${this.#nameOf(nodeId)} was lost`);
  }
}
