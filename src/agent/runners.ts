import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { TaskGroup } from "#base/task-group.ts";
import type { Engine } from "#engine/engine.ts";
import type { Task } from "#model/objects.ts";
import { AttachmentRunner } from "./attachment-runner.ts";
import { watchEngine } from "./engine-watch.ts";
import type { NetworkKeeper } from "./network-keeper.ts";
import type { Runner } from "./runner.ts";
import type { TaskContainers } from "./task-containers.ts";
import type { StoredTask } from "./task-db.ts";
import { TaskRunner } from "./task-runner.ts";
import type { RunnerEvents } from "./worker.ts";

interface Deps {
  readonly containers: TaskContainers;
  readonly networks: Pick<NetworkKeeper, "network">;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Logger;
  readonly jobs: TaskGroup;
}

/** Makes the runner that a task needs: one for its container, or one for the place of somebody else's container. */
export class Runners {
  readonly #deps: Deps;
  readonly #attachments = new Set<AttachmentRunner>();
  #isWatching = false;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  create({ task, status, assigned }: StoredTask, events: RunnerEvents): Runner {
    if (task.spec.NetworkAttachmentSpec === undefined) {
      return new TaskRunner({ ...this.#deps, ...events }, task, status, assigned);
    }
    const deps = { ...this.#deps, ...events, networkName: (of: Task) => this.#networkName(of) };
    const runner = new AttachmentRunner(deps, task, status, assigned);
    this.#attachments.add(runner);
    this.#watch();
    return runner;
  }

  #networkName({ networks = [] }: Task): string | undefined {
    const [place] = networks;
    return place && this.#deps.networks.network(place.networkId)?.name;
  }

  /** Attached containers have no labels of ours: from the first attachment on, all of the engine's are listened to. */
  #watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    const lookAtAll = () => {
      for (const runner of this.#attachments) {
        if (runner.isAssigned) runner.lookAgain();
        else this.#attachments.delete(runner);
      }
    };
    const watchers = {
      matters: (action: string) => action === "start" || action === "die" || action === "destroy",
      lookAgain: lookAtAll,
      lookAtAll,
    };
    this.#deps.jobs.spawn("watch of attachments", (stop) => watchEngine(this.#deps, {}, watchers, stop));
  }
}
