import type { Membership } from "#api/membership.ts";
import { isAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { Control } from "#manager/control.ts";
import type { NodeId } from "#model/ids.ts";
import type { ClusterEngines } from "./cluster-engines.ts";
import { ContainerIndex } from "./container-index.ts";
import { EngineMirror } from "./engine-mirror.ts";

/** How often to look whether this daemon has a manager by now. */
const LOOK_MS = 500;

interface Deps {
  readonly membership: Membership;
  readonly engines: ClusterEngines;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

interface Followed {
  readonly mirror: EngineMirror;
  readonly jobs: TaskGroup;
}

/** Mirrors of the engines of all nodes, for as long as a manager runs in this daemon. */
export class EngineMirrors {
  readonly index = new ContainerIndex();
  readonly #deps: Deps;
  readonly #followed = new Map<NodeId, Followed>();
  readonly #wakeup = new Wakeup();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Whether the index has all containers of the node. */
  isCurrent(nodeId: NodeId): boolean {
    return this.#followed.get(nodeId)?.mirror.isCurrent ?? false;
  }

  /** Whether the node's engine was asked last in vain. */
  isSilent(nodeId: NodeId): boolean {
    return this.#followed.get(nodeId)?.mirror.isSilent ?? false;
  }

  /** Says that the node's engine did not answer somebody in time. */
  doubt(nodeId: NodeId): void {
    this.#followed.get(nodeId)?.mirror.doubt();
  }

  /** Says that this daemon may have a manager now. */
  lookAgain(): void {
    this.#wakeup.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    for (;;) {
      const control = this.#control();
      try {
        if (control !== undefined) await this.#follow(control, signal);
      } catch (err) {
        if (isAbort(err, signal)) throw err;
        log.warn({ err }, "lost the cluster's nodes, looking for them again");
      }
      await this.#wakeup.wait(clock, clock.now() + LOOK_MS, signal);
    }
  }

  #control(): Control | undefined {
    try {
      return this.#deps.membership.control();
    } catch {
      return undefined; // Not a manager, or not yet.
    }
  }

  async #follow(control: Control, signal: AbortSignal): Promise<void> {
    const commits = control.commits(signal);
    await using all = new TaskGroup(signal);
    try {
      for (const { id } of control.view.list("node")) this.#begin(id, all.signal);
      for await (const { changes } of commits) {
        for (const change of changes) {
          if (change.kind !== "node") continue;
          if (change.type === "create") this.#begin(change.object.id, all.signal);
          if (change.type === "delete") await this.#end(change.old.id);
        }
      }
    } finally {
      for (const nodeId of this.#followed.keys()) await this.#end(nodeId);
    }
  }

  #begin(nodeId: NodeId, signal: AbortSignal): void {
    if (this.#followed.has(nodeId)) return;
    const { engines } = this.#deps;
    const mirror = new EngineMirror({ ...this.#deps, nodeId, index: this.index, engine: engines.engineOf(nodeId) });
    const jobs = new TaskGroup(signal);
    jobs.spawn("engine mirror", (stop) => mirror.run(stop));
    this.#followed.set(nodeId, { mirror, jobs });
  }

  async #end(nodeId: NodeId): Promise<void> {
    const followed = this.#followed.get(nodeId);
    this.#followed.delete(nodeId);
    await followed?.jobs[Symbol.asyncDispose]();
    this.index.forget(nodeId);
    this.#deps.engines.forget(nodeId);
  }
}
