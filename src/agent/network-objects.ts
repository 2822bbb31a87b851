import { errorMessage } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { NetworkId } from "#model/ids.ts";
import type { NetworkObject, NodeNetwork } from "#model/node-network.ts";
import type { NetworkChange } from "#network/data-plane.ts";
import type { AssignmentMessage } from "#wire/protocol.ts";
import type { TaskDb } from "./task-db.ts";

interface Deps {
  readonly db: Pick<TaskDb, "networks" | "setNetworks" | "changeNetworks">;
  readonly log: Logger;
}

/** What the managers said last about this node's networks: in memory, and on disk for the next start of the daemon. */
export class NetworkObjects {
  readonly #deps: Deps;
  readonly #networks = new Map<NetworkId, NodeNetwork>();
  /** All, by kind and id. */
  readonly #all = new Map<string, NetworkObject>();

  /** Takes up what the node knew before its daemon was restarted. */
  constructor(deps: Deps) {
    this.#deps = deps;
    for (const object of deps.db.networks()) this.#put(object);
  }

  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  all(): readonly NetworkObject[] {
    return [...this.#all.values()];
  }

  networks(): readonly NodeNetwork[] {
    return [...this.#networks.values()];
  }

  network(id: NetworkId): NodeNetwork | undefined {
    return this.#networks.get(id);
  }

  /** @returns what changed; undefined when the message says nothing about networks. */
  apply(message: AssignmentMessage): readonly NetworkChange[] | undefined {
    const changes = message.changes.filter(isNetworkChange);
    if (message.type === "incremental") return changes.length > 0 ? this.#change(changes) : undefined;
    return changes.length > 0 || !this.isEmpty ? this.#replace(changes) : undefined;
  }

  #change(changes: readonly NetworkChange[]): readonly NetworkChange[] {
    for (const change of changes) {
      if (change.type === "update") this.#put(change.object);
      else this.#remove(change);
    }
    this.#remember(() => this.#deps.db.changeNetworks(changes));
    return changes;
  }

  #replace(changes: readonly NetworkChange[]): readonly NetworkChange[] {
    const kept = new Set(changes.map((change) => (change.type === "update" ? keyOf(change.object) : "")));
    const gone = this.all().filter((object) => !kept.has(keyOf(object)));
    for (const object of gone) this.#remove(object);
    for (const change of changes) if (change.type === "update") this.#put(change.object);
    this.#remember(() => this.#deps.db.setNetworks(this.all()));
    return [...gone.map(({ kind, id }) => ({ type: "remove", kind, id }) as const), ...changes];
  }

  #put(object: NetworkObject): void {
    this.#all.set(keyOf(object), object);
    if (object.kind === "node-network") this.#networks.set(object.id, object);
  }

  #remove(object: Pick<NetworkObject, "kind" | "id">): void {
    this.#all.delete(keyOf(object));
    if (object.kind === "node-network") this.#networks.delete(object.id);
  }

  /** A full disk must not stop the networks: a manager tells of them again. */
  #remember(write: () => void): void {
    try {
      write();
    } catch (err) {
      this.#deps.log.warn({ err: errorMessage(err) }, "networks not written to the local database");
    }
  }
}

const keyOf = ({ kind, id }: Pick<NetworkObject, "kind" | "id">): string => `${kind} ${id}`;

function isNetworkChange(change: AssignmentMessage["changes"][number]): change is NetworkChange {
  const kind = change.type === "update" ? change.object.kind : change.kind;
  return kind === "node-network" || kind === "node-service";
}
