import type { NodeId } from "#model/ids.ts";
import type { LogBatch } from "#wire/protocol.ts";

/** Who wants logs of this manager's nodes: a client's question to this manager, or another manager. */
export interface LogAsker {
  nodeCame(nodeId: NodeId): void;
  nodeLeft(nodeId: NodeId): void;
  /** Resolves when there is room for more. */
  answer(nodeId: NodeId, batch: LogBatch): Promise<void>;
}
