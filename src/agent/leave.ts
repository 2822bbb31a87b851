import type { Logger } from "#base/log.ts";
import { CLUSTER_LABEL, TASK_ID_LABEL } from "#engine/container-body.ts";
import type { Engine } from "#engine/engine.ts";
import { STOP_GRACE_MS } from "#model/defaults.ts";
import type { DataPlane } from "#network/data-plane.ts";
import type { NodeIdentity } from "./labels.ts";
import { ownLabels } from "./labels.ts";
import { stopGraceMs } from "./task-containers.ts";
import type { TaskDb } from "./task-db.ts";
import type { TaskFileStore } from "./task-files.ts";

interface Deps {
  readonly node: NodeIdentity;
  readonly engine: Pick<
    Engine,
    "listContainers" | "stopContainer" | "removeContainer" | "listNetworks" | "removeNetwork" | "disconnectNetwork"
  >;
  readonly db: TaskDb;
  readonly files: TaskFileStore;
  readonly openDataPlane: () => Promise<DataPlane>;
  readonly log: Logger;
}

/**
 * Takes a node's tasks off it, after its agent has ended: containers are stopped, each with its own grace, and removed;
 * networks go, with all that the data plane made, from under attached containers too; files and database are emptied. Safe to repeat when it was interrupted.
 * @throws FlotillaError `unavailable` when the engine is away: the containers then are still there.
 */
export async function leaveCluster(deps: Deps, signal: AbortSignal): Promise<void> {
  const { node, engine, db, files, log } = deps;
  const graces = new Map(db.tasks().map(({ task }) => [task.id, stopGraceMs(task)]));
  const containers = await engine.listContainers(ownLabels(node), signal);
  const remove = async (id: string, graceMs: number) => {
    await engine.stopContainer(id, graceMs, signal);
    await engine.removeContainer(id, signal);
  };
  await Promise.all(
    containers.map(({ id, labels }) => remove(id, graces.get(labels[TASK_ID_LABEL] ?? "") ?? STOP_GRACE_MS)),
  );
  await removeNetworks(deps, signal);
  await files.clear();
  db.clear();
  log.info({ containers: containers.length }, "left the cluster");
}

async function removeNetworks({ node, engine, db, openDataPlane }: Deps, signal: AbortSignal): Promise<void> {
  const networks = await engine.listNetworks({ [CLUSTER_LABEL]: node.clusterId }, signal);
  if (networks.length === 0 && db.networks().length === 0) return;
  await using plane = await openDataPlane();
  await plane.clear(signal);
  const containers = await engine.listContainers({}, signal);
  for (const { id, name } of networks) {
    const connected = containers.filter((container) => container.networks.some((place) => place.name === name));
    for (const container of connected) await engine.disconnectNetwork(id, container.id, signal);
    await engine.removeNetwork(id, signal);
  }
}
