import type { NodeId } from "#model/ids.ts";

/** More than are in use at any time: an exec is forgotten when its process has ended, and nobody asks for it again. */
const MOST_EXECS = 10_000;

/** On which node an exec was created: its id says nothing of it. */
export class ExecDirectory {
  readonly #nodes = new Map<string, NodeId>();

  remember(execId: string, nodeId: NodeId): void {
    this.#nodes.set(execId, nodeId);
    if (this.#nodes.size <= MOST_EXECS) return;
    for (const oldest of this.#nodes.keys()) {
      this.#nodes.delete(oldest);
      return;
    }
  }

  nodeOf(execId: string): NodeId | undefined {
    return this.#nodes.get(execId);
  }
}
