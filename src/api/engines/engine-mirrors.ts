import { ClusterFollower, clusterOf, type FollowDeps } from "#api/follow-cluster.ts";
import type { ClusterObjects } from "#api/membership.ts";
import { withDeadline } from "#base/abort.ts";
import { Pulse } from "#base/pulse.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { NodeId } from "#model/ids.ts";
import { engineIdsOf } from "#model/movable-container.ts";
import type { Change } from "#model/view.ts";
import { isRemnant } from "#plan/reschedule/movable.ts";
import type { ClusterEngines } from "./cluster-engines.ts";
import { ContainerIndex } from "./container-index.ts";
import { EngineMirror } from "./engine-mirror.ts";
import { seenInList } from "./reschedule/seen.ts";

/** How long nodes that have just come are waited for. */
const FIRST_LOOK_MS = 2_000;

interface Deps extends FollowDeps {
  readonly engines: ClusterEngines;
  readonly random: Random;
}

interface Followed {
  readonly mirror: EngineMirror;
  readonly jobs: TaskGroup;
}

/** Mirrors of the engines of all nodes, for as long as a manager runs in this daemon. */
export class EngineMirrors {
  readonly index: ContainerIndex;
  readonly #deps: Deps;
  readonly #followed = new Map<NodeId, Followed>();
  readonly #asked = new Pulse();

  constructor(deps: Deps) {
    this.#deps = deps;
    this.index = new ContainerIndex(({ summary }) => {
      const view = clusterOf(deps.membership)?.view;
      return view !== undefined && isRemnant(view, seenInList(summary));
    });
  }

  /** Whether the index has all containers of the node. */
  isCurrent(nodeId: NodeId): boolean {
    return this.#followed.get(nodeId)?.mirror.isCurrent ?? false;
  }

  /** Whether the node's engine was asked last in vain. */
  isSilent(nodeId: NodeId): boolean {
    return this.#followed.get(nodeId)?.mirror.isSilent ?? false;
  }

  /** Waits until the engines of nodes that have just come were asked for the first time; not for long. */
  async haveAsked(nodeIds: readonly NodeId[], signal: AbortSignal): Promise<void> {
    const isNew = (id: NodeId) => !this.isCurrent(id) && !this.isSilent(id);
    if (!nodeIds.some(isNew)) return;
    const wait = async (within: AbortSignal) => {
      while (nodeIds.some(isNew)) await this.#asked.wait(within);
    };
    await withDeadline(this.#deps.clock, FIRST_LOOK_MS, "a first look at new nodes", signal, wait).catch(() =>
      signal.throwIfAborted(),
    );
  }

  /** Says that the node's engine did not answer somebody in time. */
  doubt(nodeId: NodeId): void {
    this.#followed.get(nodeId)?.mirror.doubt();
  }

  run(signal: AbortSignal): Promise<void> {
    return new ClusterFollower(this.#deps).run((cluster, stop) => this.#follow(cluster, stop), signal);
  }

  async #follow(cluster: ClusterObjects, signal: AbortSignal): Promise<void> {
    const commits = cluster.commits(signal);
    await using all = new TaskGroup(signal);
    try {
      for (const { id } of cluster.view.list("node")) this.#begin(id, all.signal);
      for await (const { changes } of commits) {
        for (const change of changes) {
          if (change.kind === "container") this.#dropGone(change);
          if (change.kind !== "node") continue;
          if (change.type === "create") this.#begin(change.object.id, all.signal);
          if (change.type === "delete") await this.#end(change.old.id);
        }
      }
    } finally {
      for (const nodeId of this.#followed.keys()) await this.#end(nodeId);
    }
  }

  /** What the leader has removed from a host that came back a moment ago may still be in the index. */
  #dropGone(change: Change<"container">): void {
    if (change.type === "create") return;
    const left = change.type === "delete" ? [] : engineIdsOf(change.object);
    for (const id of engineIdsOf(change.old)) {
      const known = left.includes(id) ? undefined : this.index.get(id);
      if (known !== undefined) this.index.remove(known.nodeId, id);
    }
  }

  #begin(nodeId: NodeId, signal: AbortSignal): void {
    if (this.#followed.has(nodeId)) return;
    const { engines } = this.#deps;
    const { index } = this;
    const onAsked = () => this.#asked.beat();
    const mirror = new EngineMirror({ ...this.#deps, nodeId, index, onAsked, engine: engines.engineOf(nodeId) });
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
