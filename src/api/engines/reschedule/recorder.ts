import { isDeepStrictEqual } from "node:util";
import type { Json } from "#api/convert/meta-json.ts";
import { TASK_LABEL } from "#api/engines/hosts.ts";
import { field, textField } from "#api/raw-document.ts";
import { errorMessage } from "#base/errors.ts";
import { Wakeup } from "#base/wakeup.ts";
import { commitFresh } from "#manager/commit.ts";
import type { NodeId } from "#model/ids.ts";
import type { ContainerPlace, MovableContainer } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import { policyOf, SWARM_ID_LABEL } from "#plan/place/wish.ts";
import { begunFor, isLost, moved, removed, type SeenContainer, twinOf, withRemnant } from "#plan/reschedule/movable.ts";
import { type Rescheduling, rewrite } from "./context.ts";
import { inspect } from "./engine-calls.ts";
import { givenPlace } from "./given-places.ts";
import { recipeOf } from "./recipe.ts";
import { seenInList, seenInspected } from "./seen.ts";

/** Before an engine that did not answer is asked again. */
const RETRY_MS = 1_000;

/**
 * Writes down what it takes to make movable containers again, and what becomes of them. Events of engines only say which
 * to look at; containers of lost hosts stay as they were known last.
 */
export class Recorder {
  readonly #shared: Rescheduling;
  readonly #wakeup = new Wakeup();
  /** Engines' ids. */
  readonly #due = new Set<string>();

  constructor(shared: Rescheduling) {
    this.#shared = shared;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { api, state } = this.#shared;
    using _listening = api.mirrors.index.listen((id) => this.#note(id));
    for (const { id } of api.mirrors.index.all()) this.#note(id);
    for (const movable of state.view.list("container")) this.#lookAt(movable);
    for (;;) {
      const retryAt = this.#due.size > 0 ? api.clock.now() + RETRY_MS : undefined;
      await this.#wakeup.wait(api.clock, retryAt, signal);
      const due = [...this.#due];
      this.#due.clear();
      for (const id of due) {
        try {
          await this.#record(id, signal);
        } catch (err) {
          signal.throwIfAborted();
          api.log.debug({ containerId: id, err: errorMessage(err) }, "a container was not recorded yet");
          this.#due.add(id);
        }
      }
    }
  }

  /** A node has come back, or gone: containers may have vanished meanwhile that no manager has seen. */
  nodeChanged(nodeId: NodeId): void {
    for (const movable of this.#shared.state.view.list("container")) {
      if (movable.place?.nodeId === nodeId) this.#lookAt(movable);
    }
  }

  #lookAt({ place }: MovableContainer): void {
    if (place === undefined) return;
    this.#due.add(place.containerId);
    this.#wakeup.wake();
  }

  #note(id: string): void {
    const { api, state } = this.#shared;
    const known = api.mirrors.index.get(id);
    const isMovable = known ? mayMove(seenInList(known.summary)) : state.view.movableOf(id) !== undefined;
    if (!isMovable) return;
    this.#due.add(id);
    this.#wakeup.wake();
  }

  async #record(id: string, signal: AbortSignal): Promise<void> {
    const { api, state, inHand } = this.#shared;
    const { view } = state;
    const movable = view.movableOf(id);
    const nodeId = api.mirrors.index.get(id)?.nodeId ?? movable?.place?.nodeId;
    const isRemnant = movable !== undefined && movable.place?.containerId !== id;
    if (nodeId === undefined || isRemnant || isLost(view, nodeId)) return;
    const place = { nodeId, containerId: id };
    const inspected = await inspect(api, place, signal);
    if (inspected === undefined) {
      if (movable) await this.#forget(movable, place, signal);
      return;
    }
    const seen = seenInspected(inspected);
    const begun = begunFor(view, seen);
    if (begun !== undefined) {
      if (!inHand.has(begun.id)) await rewrite(this.#shared, begun.id, (now) => withRemnant(now, place), signal);
    } else if (mayMove(seen)) {
      if (movable === undefined) await this.#judgeTwin(seen, place, inspected, signal);
      await commitFresh(state, () => this.#update(seen, place, inspected), signal);
    }
  }

  /** Of two that are there, the one that was made last is the one that was moved. */
  async #judgeTwin(seen: SeenContainer, place: ContainerPlace, inspected: Json, signal: AbortSignal): Promise<void> {
    const { api, state } = this.#shared;
    const twin = twinOf(state.view, seen);
    const other = twin?.place && (await inspect(api, twin.place, signal));
    if (twin === undefined || other === undefined) return;
    const isLater = madeAt(inspected) > madeAt(other);
    await rewrite(this.#shared, twin.id, (now) => (isLater ? moved(now, place) : withRemnant(now, place)), signal);
  }

  #forget(movable: MovableContainer, { containerId }: ContainerPlace, signal: AbortSignal): Promise<void> {
    const change = (now: MovableContainer) => (now.place?.containerId === containerId ? removed(now) : undefined);
    return rewrite(this.#shared, movable.id, change, signal);
  }

  #update(seen: SeenContainer, place: ContainerPlace, inspected: Json): readonly Operation[] {
    const { view } = this.#shared.state;
    const updatedAt = this.#shared.api.clock.now();
    const recipe = recipeOf(inspected, (network, address) => givenPlace(view, place.nodeId, network, address));
    const isRunning = field(inspected["State"], "Running") === true;
    const movable = view.movableOf(seen.id);
    if (movable === undefined) {
      const id = ownId(seen, (taken) => view.get("container", taken) !== undefined);
      const common = { name: seen.name, place, isRunning, recipe, remnants: [], attempts: [] };
      return [
        { type: "create", object: { kind: "container", id, version: 0, createdAt: updatedAt, updatedAt, ...common } },
      ];
    }
    if (movable.place?.containerId !== seen.id) return [];
    const { problem: _problem, ...rest } = movable;
    // One that was moved is started after that was written down.
    const runs = seen.state === "created" ? movable.isRunning : isRunning;
    const object = { ...rest, name: seen.name, place, isRunning: runs, recipe };
    if (isDeepStrictEqual(object, movable)) return [];
    return [{ type: "update", object: { ...object, updatedAt }, expect: movable.version }];
  }
}

const madeAt = (inspected: Json): number => Date.parse(textField(inspected, "Created"));

/** Tasks are their services' business. */
const mayMove = ({ labels }: SeenContainer): boolean =>
  policyOf(labels) === "on-node-failure" && labels[TASK_LABEL] === undefined;

/** The id that it was created with; its engine's when it has none, or has another's because of the image it was made of. */
function ownId({ id, labels }: SeenContainer, isTaken: (id: string) => boolean): string {
  const given = labels[SWARM_ID_LABEL] ?? "";
  return /^[0-9a-f]{64}$/.test(given) && !isTaken(given) ? given : id;
}
