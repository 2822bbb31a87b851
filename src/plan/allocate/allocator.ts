import type { NetworkId, NodeId } from "#model/ids.ts";
import type { ObjectOf, StoreObject, Task, Timestamp } from "#model/objects.ts";
import type { Operation, Plan, PlanContext } from "#model/operation.ts";
import { isWanted } from "#model/task-state.ts";
import type { Change, View } from "#model/view.ts";
import { Blocked, type BlockedKind, networkIn, type Resource, resource } from "./blocked.ts";
import { hasItsEndpoint } from "./endpoint.ts";
import type { Allocated } from "./holdings.ts";
import { Ledger } from "./ledger.ts";
import { networkProblem, settleNetwork, withProblem } from "./network-step.ts";
import { settleNode } from "./node-step.ts";
import { settleService } from "./service-step.ts";
import type { Outcome } from "./step.ts";
import { settleTask } from "./task-step.ts";

/** Decisions of one pass: what is left over is better decided anew after these are durable. */
const PASS_SIZE = 3_000;

/**
 * Gives subnets to networks, addresses to nodes, services and tasks, and numbers to published ports (fact sheet 8.2). A
 * state machine without effects: it is told every change of the cluster, and asked for decisions.
 *
 * - Something is in use if an object says so: there is no other record. What an object ceases to say is free.
 * - A decision counts at once, so the next pass builds on it, although the store has not seen it yet. What it gives back
 *   is not free before the store has confirmed it. After a commit that was refused, call `forget`.
 * - What cannot be given is explained on the object, and tried again when something was given back that may help.
 * - A pass costs time in proportion to what changed, whatever the size of the cluster.
 */
export class Allocator {
  readonly #ledger = new Ledger();
  readonly #blocked = new Blocked();
  /** Objects to look at in the next pass, oldest first. Nodes are in the ledger's `stir`. */
  readonly #waiting: Readonly<Record<BlockedKind, Set<string>>> = {
    network: new Set(),
    service: new Set(),
    task: new Set(),
  };
  /** What the store holds of objects whose decision it has not confirmed. */
  readonly #unconfirmed = new Map<string, Allocated>();
  /** The operations of the pass that is under way. */
  #operations = new Map<string, { readonly object: Allocated; readonly expect: number }>();

  /** `view`: the cluster as it is now. Changes that it has already may be observed again. */
  constructor(view: View) {
    this.#ledger.cluster = view.cluster;
    for (const kind of ["network", "node", "service", "task"] as const) {
      for (const object of view.list(kind)) this.#replace(undefined, object, []);
    }
  }

  /** Takes note of a change, in commit order. */
  observe(change: Change): void {
    if (change.kind === "cluster" && change.type !== "delete") {
      this.#ledger.cluster = change.object;
      this.#ledger.stir.freed.add(resource.subnets);
    }
    const object = change.type === "delete" ? change.old : change.object;
    if (!isAllocated(object)) return;
    const known = this.#ledger.get(object.kind, object.id);
    const isOld =
      change.type === "delete" ? known === undefined : known !== undefined && object.version <= known.version;
    if (isOld) return;
    const stored = this.#unconfirmed.get(keyOf(object));
    this.#unconfirmed.delete(keyOf(object));
    this.#replace(known, change.type === "delete" ? undefined : object, [known, stored]);
  }

  /** The store has refused these operations: the objects are as they were before. */
  forget(operations: Iterable<Operation>): void {
    for (const operation of operations) {
      if (!("object" in operation) || !isAllocated(operation.object)) continue;
      const key = keyOf(operation.object);
      const stored = this.#unconfirmed.get(key);
      if (stored === undefined) continue;
      this.#unconfirmed.delete(key);
      if (stored.kind !== "node") this.#unblock(stored.kind, stored.id);
      const decided = this.#ledger.get(stored.kind, stored.id);
      this.#replace(decided, stored, [decided, stored]);
    }
  }

  /** Gives all that can be given now. Services come before their tasks, and explanations last. */
  allocate({ now }: PlanContext): Plan {
    this.#operations = new Map();
    do {
      this.#wake();
      this.#settleAll("network", (network) => settleNetwork(this.#ledger, network), now);
      this.#settleNodes(now);
      this.#settleAll("service", (service) => settleService(this.#ledger, service), now);
      this.#settleAll("task", (task) => this.#settleTask(task, now), now);
      this.#settleNodes(now);
    } while (this.#ledger.stir.freed.size > 0 && !this.#isFull);
    this.#reviewNetworks(now);
    const writes = [...this.#operations.values()].sort((a, b) => precedence(a.object) - precedence(b.object));
    const operations = writes.map((write): Operation => ({ type: "update", ...write }));
    return this.#isFull ? { operations, again: now } : { operations };
  }

  get #isFull(): boolean {
    return this.#operations.size >= PASS_SIZE;
  }

  /** Takes what waits for something that there may be more of now. */
  #wake(): void {
    const { freed, services } = this.#ledger.stir;
    for (const lacking of freed) for (const { kind, id } of this.#blocked.on(lacking)) this.#waiting[kind].add(id);
    for (const id of services) this.#waiting.service.add(id);
    freed.clear();
    services.clear();
  }

  #settleAll<K extends BlockedKind>(
    kind: K,
    settle: (object: ObjectOf[K]) => Outcome<ObjectOf[K]>,
    now: Timestamp,
  ): void {
    const ids = this.#waiting[kind];
    for (const id of ids) {
      if (this.#isFull) return;
      const object = this.#ledger.get(kind, id);
      if (object !== undefined && this.#isInFlight(object)) continue;
      ids.delete(id);
      if (object === undefined) continue;
      const outcome = settle(object);
      if (outcome.kind === "waits") this.#block(kind, id, outcome.lacking);
      else this.#unblock(kind, id);
      this.#decide(object, outcome.object, now);
      // A task that is bound to its node may be the first there that is on a network.
      if (object.kind === "task" && object.nodeId !== undefined) this.#settleNode(object.nodeId, now);
    }
  }

  /** A task that found its network used up before need not be looked at again while it is. */
  #settleTask(task: Task, now: Timestamp): Outcome<Task> {
    const lacking = this.#blocked.lackedBy("task", task.id);
    const isPointless = lacking !== undefined && task.status.err !== undefined && this.#ledger.isUsedUp(lacking);
    return isPointless ? { kind: "waits", lacking, object: task } : settleTask(this.#ledger, task, now);
  }

  #settleNodes(now: Timestamp): void {
    for (const id of this.#ledger.stir.nodes) this.#settleNode(id, now);
  }

  #settleNode(id: NodeId, now: Timestamp): void {
    const node = this.#ledger.nodes.get(id);
    if (this.#isFull || (node !== undefined && this.#isInFlight(node))) return;
    if (node !== undefined) this.#decide(node, settleNode(this.#ledger, node), now);
    this.#ledger.stir.nodes.delete(id);
  }

  /** Says on networks what is wrong with them, and takes back what is not so any more. */
  #reviewNetworks(now: Timestamp): void {
    const { networks } = this.#ledger.stir;
    for (const id of networks) {
      const network = this.#ledger.networks.get(id);
      if (network !== undefined && this.#isInFlight(network)) continue;
      const isWaitedFor = this.#blocked.has(resource.network(id));
      if (network !== undefined)
        this.#decide(network, withProblem(network, networkProblem(this.#ledger, network, isWaitedFor)), now);
      networks.delete(id);
    }
  }

  /** Whether the store has yet to confirm what an earlier pass decided. It will be looked at again when it has. */
  #isInFlight(object: Allocated): boolean {
    const key = keyOf(object);
    return this.#unconfirmed.has(key) && !this.#operations.has(key);
  }

  #decide(known: Allocated, object: Allocated, now: Timestamp): void {
    if (object === known) return;
    const key = keyOf(known);
    const stored = this.#unconfirmed.get(key);
    const decided = { ...object, updatedAt: now };
    this.#unconfirmed.set(key, stored ?? known);
    this.#operations.set(key, { object: decided, expect: (stored ?? known).version });
    // What the store has is in use until it is told otherwise; an earlier decision of this pass is not.
    this.#replace(known, decided, stored === undefined ? [] : [known]);
  }

  /** `released`: objects that hold nothing any more. The new one holds what it has before they let go of it. */
  #replace(
    known: Allocated | undefined,
    object: Allocated | undefined,
    released: readonly (Allocated | undefined)[],
  ): void {
    if (object !== undefined) this.#ledger.hold(object);
    this.#ledger.replace(known, object);
    for (const each of released) if (each !== undefined) this.#ledger.letGo(each);
    const { kind, id } = object ?? known ?? {};
    if (kind === undefined || id === undefined || kind === "node") return;
    if (object === undefined || object.kind === "node" || !isUnsettled(object, this.#ledger.ingress)) {
      this.#waiting[kind].delete(id);
      this.#unblock(kind, id);
    } else if (kind !== "task" || this.#blocked.lackedBy(kind, id) === undefined) {
      this.#waiting[kind].add(id);
    }
  }

  #block(kind: BlockedKind, id: string, lacking: Resource): void {
    if (this.#blocked.lackedBy(kind, id) === lacking) return;
    this.#unblock(kind, id);
    this.#blocked.block({ kind, id, lacking });
    this.#review(lacking);
  }

  #unblock(kind: BlockedKind, id: string): void {
    const lacking = this.#blocked.lackedBy(kind, id);
    if (lacking === undefined) return;
    this.#blocked.unblock(kind, id);
    this.#review(lacking);
  }

  /** Whether a network is waited for is part of what it says of itself. */
  #review(lacking: Resource): void {
    const networkId = networkIn(lacking);
    if (networkId !== undefined) this.#ledger.stir.networks.add(networkId);
  }
}

const keyOf = ({ kind, id }: Allocated): string => `${kind}/${id}`;

const isAllocated = (object: StoreObject): object is Allocated =>
  object.kind === "network" || object.kind === "service" || object.kind === "node" || object.kind === "task";

/** Whether there is something to be given to the object, or to be taken back. */
function isUnsettled(object: Exclude<Allocated, { kind: "node" }>, ingress: NetworkId | undefined): boolean {
  switch (object.kind) {
    case "network":
      return object.allocation === undefined;
    case "service":
      return object.problem !== undefined || !hasItsEndpoint(object, ingress);
    case "task":
      return object.status.state === "new" && isWanted(object.desired);
  }
}

/**
 * The order in which decisions are written: no task goes on before its service has what it promises; nodes, which others
 * write often, hold nothing up; and explanations come last.
 */
function precedence(object: Allocated): number {
  if (object.kind === "task") return object.status.state === "new" ? 4 : 2;
  return { network: 0, service: 1, node: 3 }[object.kind];
}
