import type { ApiContext } from "#api/call.ts";
import { clusterOf } from "#api/follow-cluster.ts";
import { withDeadline } from "#base/abort.ts";
import { errorMessage } from "#base/errors.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { NodeId } from "#model/ids.ts";
import { LEADERSHIP_ID, type Timestamp } from "#model/objects.ts";
import type { KnownContainer } from "./container-index.ts";

/** How often to look whether a host has made by now what it was asked for. */
const LOOK_MS = 500;
/** How long a host whose engine answers again may still be at what it was asked for before. */
const LATE_MS = 60_000;
/** A container that nobody uses is removed at once. */
const REMOVE_MS = 10_000;

type Deps = Pick<ApiContext, "membership" | "engines" | "mirrors" | "clock" | "log">;

/**
 * Creations that broke off, so that nobody knows whether there is a container now: the client was told that there is
 * none, and the name is free. An engine that hung, or was cut off, may make it when it is back; that one is removed.
 * Only the manager that gives names away keeps such notes: another one does not know to whom a name was given since.
 */
export class AbandonedCreations {
  readonly #deps: Deps;
  /** By node and name: until when to look for the container. */
  readonly #notes = new Map<NodeId, Map<string, Timestamp>>();
  readonly #wakeup = new Wakeup();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** A host was asked to make a container of this name, and did not answer. */
  note(nodeId: NodeId, name: string): void {
    const names = this.#notes.get(nodeId) ?? new Map<string, Timestamp>();
    this.#notes.set(nodeId, names.set(name, Number.POSITIVE_INFINITY));
    this.#wakeup.wake();
  }

  /** A container of this name is there by right. */
  settle(nodeId: NodeId, name: string): void {
    const names = this.#notes.get(nodeId);
    if (names?.delete(name) && names.size === 0) this.#notes.delete(nodeId);
  }

  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      if (this.#notes.size === 0) await this.#wakeup.wait(this.#deps.clock, undefined, signal);
      for (const nodeId of this.#notes.keys()) await this.#look(nodeId, signal);
      await this.#deps.clock.sleep(LOOK_MS, signal);
    }
  }

  async #look(nodeId: NodeId, signal: AbortSignal): Promise<void> {
    const { mirrors, clock } = this.#deps;
    if (!this.#isOurs(nodeId)) return void this.#notes.delete(nodeId);
    const names = this.#notes.get(nodeId) ?? new Map<string, Timestamp>();
    for (const [name, until] of names) {
      const made = [...mirrors.index.named(name)].find((container) => container.nodeId === nodeId);
      if (!mirrors.isCurrent(nodeId)) names.set(name, Number.POSITIVE_INFINITY);
      else if (made !== undefined) await this.#remove(made, name, signal);
      else if (until === Number.POSITIVE_INFINITY) names.set(name, clock.now() + LATE_MS);
      else if (until < clock.now()) this.settle(nodeId, name);
    }
  }

  #isOurs(nodeId: NodeId): boolean {
    const { membership } = this.#deps;
    const view = clusterOf(membership)?.view;
    const leader = view?.get("leadership", LEADERSHIP_ID)?.nodeId ?? membership.local.nodeId;
    return view?.get("node", nodeId) !== undefined && leader === membership.local.nodeId;
  }

  async #remove({ id, nodeId, summary }: KnownContainer, name: string, signal: AbortSignal): Promise<void> {
    const { engines, clock, log } = this.#deps;
    // Somebody has found and started it: then it is wanted.
    if (summary["State"] !== "created") return this.settle(nodeId, name);
    try {
      const answer = await withDeadline(clock, REMOVE_MS, "the removal of a container", signal, (own) =>
        engines.daemonOf(nodeId).open({ method: "DELETE", path: `/containers/${id}` }, own),
      );
      answer.resume();
      log.info({ nodeId, containerId: id, name }, "a container was removed whose creation had broken off");
      this.settle(nodeId, name);
    } catch (err) {
      signal.throwIfAborted();
      log.debug({ nodeId, containerId: id, err: errorMessage(err) }, "container not removed yet");
    }
  }
}
