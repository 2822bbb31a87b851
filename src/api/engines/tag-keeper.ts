import { type ApiContext, controlOf } from "#api/call.ts";
import { ClusterFollower } from "#api/follow-cluster.ts";
import type { ClusterObjects } from "#api/membership.ts";
import { errorMessage } from "#base/errors.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { NodeId } from "#model/ids.ts";
import { LEADERSHIP_ID, type Node } from "#model/objects.ts";
import { askAll } from "./ask-all.ts";
import { staleTags } from "./image-tags.ts";
import { idsOf, nameOf } from "./nodes.ts";
import { samePlatform } from "./same-platform.ts";
import { retag } from "./spread-tags.ts";
import { listTags } from "./tag-list.ts";

/** How often to look whether the engine of a host answers again. */
const LOOK_MS = 1_000;
/** Wait before a host is tried again that could not be brought up to date: it has too little room, perhaps. */
const RETRY_MS = 60_000;

/**
 * Brings hosts up to date that were away while tags were given to other images: a tag means what it means on those that
 * were there. The leader does it, as soon as the host's engine answers.
 */
export class TagKeeper {
  readonly #api: ApiContext;
  readonly #wakeup = new Wakeup();
  /** When hosts that failed are to be tried again. */
  readonly #notBefore = new Map<NodeId, number>();

  constructor(api: ApiContext) {
    this.#api = api;
  }

  run(signal: AbortSignal): Promise<void> {
    return new ClusterFollower(this.#api).run((cluster, stop) => this.#follow(cluster, stop), signal);
  }

  async #follow(cluster: ClusterObjects, signal: AbortSignal): Promise<void> {
    await using jobs = new TaskGroup(signal);
    const commits = cluster.commits(jobs.signal);
    jobs.spawn("bringing hosts up to date", (stop) => this.#keep(cluster, stop));
    for await (const { changes } of commits) {
      if (changes.some(({ kind }) => kind === "node" || kind === "leadership")) this.#wakeup.wake();
    }
  }

  async #keep({ view }: ClusterObjects, signal: AbortSignal): Promise<never> {
    const { clock, membership } = this.#api;
    for (;;) {
      const leader = view.get("leadership", LEADERSHIP_ID)?.nodeId;
      const isOurs = leader === undefined || leader === membership.local.nodeId;
      const behind = isOurs ? [...view.list("node")].filter(({ missedTagsAt }) => missedTagsAt !== undefined) : [];
      for (const node of behind) await this.#bringUpToDate(node, signal);
      await this.#wakeup.wait(clock, behind.length > 0 ? clock.now() + LOOK_MS : undefined, signal);
    }
  }

  async #bringUpToDate(node: Node, signal: AbortSignal): Promise<void> {
    const { clock, log, mirrors } = this.#api;
    const { id, missedTagsAt = 0, status } = node;
    const isPresent = status.state === "ready" && mirrors.isCurrent(id);
    if (!isPresent || clock.now() < (this.#notBefore.get(id) ?? 0)) return;
    try {
      await this.#retagAll(id, signal);
      await controlOf(this.#api)?.tagsCaught(id, missedTagsAt, signal);
      this.#notBefore.delete(id);
    } catch (err) {
      signal.throwIfAborted();
      this.#notBefore.set(id, clock.now() + RETRY_MS);
      log.warn({ err: errorMessage(err), node: nameOf(node) }, "a host that was away still has older images");
    }
  }

  async #retagAll(nodeId: NodeId, signal: AbortSignal): Promise<void> {
    const others = samePlatform(this.#api, nodeId).filter((node) => node.missedTagsAt === undefined);
    const { answers } = await askAll(this.#api, [nodeId, ...idsOf(others)], signal, listTags);
    const lists = new Map(answers.map((answer) => [answer.nodeId, answer.value]));
    const own = lists.get(nodeId);
    if (own === undefined) return;
    lists.delete(nodeId);
    for (const tag of staleTags(own, [...lists.values()])) {
      for (const [from, list] of lists) {
        const image = list.get(tag);
        if (image === undefined) continue;
        await retag(this.#api, { tag, imageId: image.id, from, to: nodeId }, signal);
        break;
      }
    }
  }
}
