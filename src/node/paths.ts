import { join } from "node:path";

/** Where a daemon keeps what. */
export interface NodePaths {
  /** Survives reboots. */
  readonly dataRoot: string;
  readonly state: string;
  readonly certificates: string;
  readonly managerKeys: string;
  readonly store: string;
  readonly taskDb: string;
  /** Payloads of secrets and configs in use, on a tmpfs of its own. */
  readonly payloads: string;
}

export const nodePaths = (dataRoot: string, execRoot: string): NodePaths => ({
  dataRoot,
  state: join(dataRoot, "state.json"),
  certificates: join(dataRoot, "certificates"),
  managerKeys: join(dataRoot, "certificates", "manager-keys.json"),
  store: join(dataRoot, "store.db"),
  taskDb: join(dataRoot, "worker", "tasks.db"),
  payloads: join(execRoot, "payloads"),
});
