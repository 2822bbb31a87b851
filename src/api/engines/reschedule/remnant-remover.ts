import { errorMessage } from "#base/errors.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { Attempt, ContainerPlace, MovableContainer } from "#model/objects.ts";
import { begunFor, isLost, withoutAttempt, withoutRemnant, withRemnant } from "#plan/reschedule/movable.ts";
import { type Rescheduling, rewrite } from "./context.ts";
import { remove } from "./engine-calls.ts";
import { seenInList } from "./seen.ts";

/** Before what was not possible, or not known, is looked at again. */
const RETRY_MS = 1_000;
/** For so long an engine may be busy with a creation after its client has gone. */
const SETTLE_MS = 30_000;

/** Removes what hosts that come back have of containers that were moved, or that were removed meanwhile. */
export class RemnantRemover {
  readonly #shared: Rescheduling;
  readonly #wakeup = new Wakeup();

  constructor(shared: Rescheduling) {
    this.#shared = shared;
  }

  lookAgain(): void {
    this.#wakeup.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { api, state, inHand } = this.#shared;
    for (let isPending = true; ; ) {
      await this.#wakeup.wait(api.clock, isPending ? api.clock.now() + RETRY_MS : undefined, signal);
      isPending = false;
      const concerned = [...state.view.list("container")].filter(
        ({ id, remnants, attempts }) => remnants.length + attempts.length > 0 && !inHand.has(id),
      );
      for (const movable of concerned) {
        for (const attempt of movable.attempts) {
          if (!(await this.#try(signal, () => this.#settle(movable, attempt, signal)))) isPending = true;
        }
        for (const remnant of movable.remnants) {
          if (!(await this.#try(signal, () => this.#remove(movable, remnant, signal)))) isPending = true;
        }
      }
    }
  }

  async #try(signal: AbortSignal, work: () => Promise<boolean>): Promise<boolean> {
    try {
      return await work();
    } catch (err) {
      signal.throwIfAborted();
      this.#shared.api.log.debug({ err: errorMessage(err) }, "remnant of a container not removed yet");
      return false;
    }
  }

  /**
   * Finds out whether an attempt has left anything.
   * @returns false when it has to be looked at again, although nothing happens.
   */
  async #settle(movable: MovableContainer, attempt: Attempt, signal: AbortSignal): Promise<boolean> {
    const { api, state, inHand } = this.#shared;
    const { nodeId, at } = attempt;
    if (inHand.has(movable.id)) return true;
    const begun = [...api.mirrors.index.ofNode(nodeId)].find(
      ({ summary }) => begunFor(state.view, seenInList(summary))?.id === movable.id,
    );
    if (begun !== undefined) {
      const found = { nodeId, containerId: begun.id };
      await this.#rewrite(movable, (now) => withRemnant(now, found), signal);
      return true;
    }
    const isGone = state.view.get("node", nodeId) === undefined;
    if (!isGone && isLost(state.view, nodeId)) return true;
    if (!isGone && (!api.mirrors.isCurrent(nodeId) || api.clock.now() - at < SETTLE_MS)) return false;
    await this.#rewrite(movable, (now) => withoutAttempt(now, attempt), signal);
    return true;
  }

  /** @returns true when it is gone, or its host is. */
  async #remove(movable: MovableContainer, remnant: ContainerPlace, signal: AbortSignal): Promise<boolean> {
    const { api, state } = this.#shared;
    const { containerId } = remnant;
    // A host that left and joined again is another node.
    const nodeId = api.mirrors.index.get(containerId)?.nodeId ?? remnant.nodeId;
    if (state.view.get("node", nodeId) === undefined) {
      // Should the host join again, a container that is there must not be met twice; one that was removed is not.
      if (movable.place === undefined) await this.#rewrite(movable, (now) => withoutRemnant(now, remnant), signal);
      return true;
    }
    if (isLost(state.view, nodeId)) return true;
    await remove(api, { nodeId, containerId }, signal);
    api.mirrors.index.remove(nodeId, containerId);
    await this.#rewrite(movable, (now) => withoutRemnant(now, remnant), signal);
    api.log.info({ name: movable.name, nodeId, containerId }, "removed a remnant of a container that was moved");
    return true;
  }

  #rewrite(
    { id }: MovableContainer,
    change: (movable: MovableContainer) => MovableContainer,
    signal: AbortSignal,
  ): Promise<void> {
    return rewrite(this.#shared, id, change, signal);
  }
}
