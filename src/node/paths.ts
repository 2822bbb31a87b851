import { join } from "node:path";

/** Where a daemon keeps what. */
export interface NodePaths {
  /** Survives reboots. */
  readonly dataRoot: string;
  readonly state: string;
  readonly certificates: string;
  readonly managerKeys: string;
  /** The store of a cluster with one manager. */
  readonly store: string;
  /** The data of this manager's etcd, once there are several managers, and what it has to say. */
  readonly etcd: string;
  readonly etcdLog: string;
  readonly taskDb: string;
  /** Payloads of secrets and configs in use, on a tmpfs of its own. */
  readonly payloads: string;
  /** Where etcd runs: its socket and certificates, on a tmpfs of its own. */
  readonly etcdRun: string;
}

/** The files of the store of a manager that is alone. */
export const ownStoreFiles = ({ store }: NodePaths): readonly string[] => [store, `${store}-wal`, `${store}-shm`];

/** Everything of the cluster's state that a manager may have on its disk. */
export const storeFiles = (paths: NodePaths): readonly string[] => [...ownStoreFiles(paths), paths.etcd, paths.etcdLog];

export const nodePaths = (dataRoot: string, execRoot: string): NodePaths => ({
  dataRoot,
  state: join(dataRoot, "state.json"),
  certificates: join(dataRoot, "certificates"),
  managerKeys: join(dataRoot, "certificates", "manager-keys.json"),
  store: join(dataRoot, "store.db"),
  etcd: join(dataRoot, "etcd"),
  etcdLog: join(dataRoot, "etcd.log"),
  taskDb: join(dataRoot, "worker", "tasks.db"),
  payloads: join(execRoot, "payloads"),
  etcdRun: join(execRoot, "etcd"),
});
