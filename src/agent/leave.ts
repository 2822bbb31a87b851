import type { Logger } from "#base/log.ts";
import { TASK_ID_LABEL } from "#engine/container-body.ts";
import type { Engine } from "#engine/engine.ts";
import { STOP_GRACE_MS } from "#model/defaults.ts";
import type { NodeIdentity } from "./labels.ts";
import { ownLabels } from "./labels.ts";
import { stopGraceMs } from "./task-containers.ts";
import type { TaskDb } from "./task-db.ts";
import type { TaskFileStore } from "./task-files.ts";

interface Deps {
  readonly node: NodeIdentity;
  readonly engine: Pick<Engine, "listContainers" | "stopContainer" | "removeContainer">;
  readonly db: TaskDb;
  readonly files: TaskFileStore;
  readonly log: Logger;
}

/**
 * Takes a node's tasks off it, after its agent has ended: containers are stopped, each with its own grace, and removed;
 * files and database are emptied. Safe to repeat when it was interrupted.
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
  await files.clear();
  db.clear();
  log.info({ containers: containers.length }, "left the cluster");
}
