import type { NodeId } from "#model/ids.ts";
import type { Change, View } from "#model/view.ts";
import type { KnownManager } from "#wire/protocol.ts";

/** The managers as agents are told of them, worked out once for all of them. */
export class ManagerList {
  readonly #view: View;
  #managers: readonly KnownManager[] | undefined;

  constructor(view: View) {
    this.#view = view;
  }

  /** Those that are alive first. */
  get managers(): readonly KnownManager[] {
    return (this.#managers ??= listManagers(this.#view));
  }

  /** Must be told of every change. */
  route(change: Change): void {
    const isManager = change.kind === "node" && (change.type === "delete" ? change.old : change.object).manager;
    if (change.kind === "manager" || isManager) this.#managers = undefined;
    else if (change.kind === "node" && change.type === "update" && change.old.manager) this.#managers = undefined;
  }
}

function listManagers(view: View): readonly KnownManager[] {
  const managers = new Map<NodeId, KnownManager>();
  for (const { id, addr } of view.list("manager")) managers.set(id, { nodeId: id, addr, live: true });
  for (const { id, manager } of view.list("node")) {
    if (manager !== undefined && !managers.has(id)) managers.set(id, { nodeId: id, addr: manager.addr, live: false });
  }
  return [...managers.values()];
}
