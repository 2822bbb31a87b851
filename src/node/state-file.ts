import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { syncDirectory } from "#base/atomic-file.ts";
import { FlotillaError } from "#base/errors.ts";
import type { NodeRole } from "#model/spec.ts";

/** What a daemon must remember of its membership to take it up again after a restart. */
export interface NodeState {
  readonly nodeId: string;
  readonly clusterId: string;
  readonly role: NodeRole;
  /**
   * Managers: where the cluster's state is. In a file of this manager's own (when absent), in the etcd of all managers,
   * of which this one has a member, or in an etcd that users run themselves. Of several stores that may be found on the
   * disk, this says which is in force.
   */
  readonly store?: "etcd" | "foreign etcd";
  /** Where to listen. `host:port`. */
  readonly listenAddr: string;
  /** What other nodes are told. `host:port`. */
  readonly advertiseAddr: string;
  /** Whether the host had the advertised address: if it gets another one, that one is advertised. */
  readonly advertisesOwn?: boolean;
  readonly dataPathAddr: string;
  /** Managers that were known last. */
  readonly managers: readonly { readonly nodeId: string; readonly addr: string }[];
}

/** `host:port` of the managers that were known last, but for this very node, also where it was before. */
export const otherManagers = ({ managers, nodeId, advertiseAddr }: NodeState): readonly string[] =>
  managers.filter((manager) => manager.nodeId !== nodeId && manager.addr !== advertiseAddr).map(({ addr }) => addr);

/** `state.json`: written whole or not at all, readable by its owner only. */
export class StateFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws FlotillaError `internal` when the file is there but cannot be understood. */
  read(): NodeState | undefined {
    let text: string;
    try {
      text = readFileSync(this.#path, "utf8");
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw new FlotillaError("internal", `cannot read ${this.#path}`, { cause: err });
    }
    try {
      return parseState(text);
    } catch (cause) {
      throw new FlotillaError(
        "internal",
        `${this.#path} is damaged: restore it, or move the data root away and join the swarm again`,
        { cause },
      );
    }
  }

  write(state: NodeState): void {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const draft = `${this.#path}.new`;
    writeFileSync(draft, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600, flush: true });
    renameSync(draft, this.#path);
    syncDirectory(dirname(this.#path));
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }
}

/** The state in force, and the file that remembers it. */
export class SavedState {
  readonly #file: StateFile;
  #current: NodeState;

  constructor(file: StateFile, current: NodeState) {
    this.#file = file;
    this.#current = current;
  }

  get current(): NodeState {
    return this.#current;
  }

  /** Changes a part of it; the file has it when this returns. */
  update(change: Partial<NodeState>): void {
    this.replace({ ...this.#current, ...change });
  }

  replace(next: NodeState): void {
    if (isDeepStrictEqual(next, this.#current)) return;
    this.#file.write(next);
    this.#current = next;
  }
}

/** The file is this daemon's own work: what is no state at all is damage, and one field tells it. */
function parseState(text: string): NodeState {
  const state = JSON.parse(text) as Partial<NodeState> | null;
  if (typeof state?.nodeId !== "string") throw new Error("it names no node");
  return state as NodeState;
}
