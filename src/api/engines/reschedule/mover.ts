import { isImageMissing, type Made, makeContainer } from "#api/engines/make-container.ts";
import { hostName } from "#api/engines/nodes.ts";
import { field, textField } from "#api/raw-document.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { type Backoff, backoffMs } from "#base/retry.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { NodeId } from "#model/ids.ts";
import type { ContainerPlace, MovableContainer, Timestamp } from "#model/objects.ts";
import { attempted, isLost, moved, withRemnant } from "#plan/reschedule/movable.ts";
import { type Rescheduling, rewrite } from "./context.ts";
import { connect, pull, start } from "./engine-calls.ts";
import { releasePlaces } from "./given-places.ts";
import { withCurrentIds } from "./references.ts";

/** Between tries to move a container: no host may have room, and none be told when one has. */
const RETRY: Backoff = { firstMs: 500, mostMs: 10_000 };
/** A host that takes longer to create a container is given up. */
const CREATE_MS = 60_000;

/**
 * For so long a new leader leaves everything where it is: hosts may be about to connect, its own among them, and what the
 * one before it has decided about others comes to be known.
 */
const BEGIN_MS = 2_000;

interface Waiting {
  readonly failures: number;
  readonly until: Timestamp;
}

/**
 * Makes the movable containers of lost hosts again on others, one after the other.
 *
 * - What is begun is never started, and met by nobody, before it is written down as the container that counts; and it is
 *   written down where something may be begun before it is. So a leader that was overtaken leaves nothing but remnants.
 * - A container whose host comes back before that goes on there.
 */
export class Mover {
  readonly #shared: Rescheduling;
  readonly #onMoved: () => void;
  readonly #wakeup = new Wakeup();
  readonly #waiting = new Map<string, Waiting>();

  /** @param onMoved called when a container is not in hand any more. */
  constructor(shared: Rescheduling, onMoved: () => void) {
    this.#shared = shared;
    this.#onMoved = onMoved;
  }

  lookAgain(): void {
    this.#wakeup.wake();
  }

  /** What failed may succeed now. */
  retryNow(): void {
    this.#waiting.clear();
    this.#wakeup.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { api, state } = this.#shared;
    await api.clock.sleep(BEGIN_MS, signal);
    for (let next: Timestamp | undefined = api.clock.now(); ; ) {
      await this.#wakeup.wait(api.clock, next, signal);
      next = undefined;
      const ids = Array.from(state.view.list("container"), ({ id }) => id);
      for (const id of ids) {
        const again = await this.#step(id, signal);
        if (again !== undefined) next = Math.min(next ?? again, again);
      }
    }
  }

  /** @returns when to look at it again. */
  async #step(id: string, signal: AbortSignal): Promise<Timestamp | undefined> {
    const { api, state } = this.#shared;
    const movable = state.view.get("container", id);
    const work = movable && this.#workOn(movable);
    if (movable === undefined || work === undefined) {
      this.#waiting.delete(id);
      return undefined;
    }
    const { failures, until } = this.#waiting.get(id) ?? { failures: 0, until: 0 };
    if (until > api.clock.now()) return until;
    try {
      await work(signal);
      this.#waiting.delete(id);
      return undefined;
    } catch (err) {
      signal.throwIfAborted();
      const again = api.clock.now() + backoffMs(RETRY, failures + 1, api.random);
      this.#waiting.set(id, { failures: failures + 1, until: again });
      await this.#tell(movable, errorMessage(err), signal);
      return again;
    }
  }

  #workOn(movable: MovableContainer): ((signal: AbortSignal) => Promise<void>) | undefined {
    const { api, state } = this.#shared;
    const { place, isRunning } = movable;
    if (place === undefined) return undefined;
    if (isLost(state.view, place.nodeId)) return (signal) => this.#move(movable, place, signal);
    const isBegun = api.mirrors.index.get(place.containerId)?.summary["State"] === "created";
    return isBegun && isRunning ? (signal) => start(api, place, signal) : undefined;
  }

  /** Says why it is where it is; once for each reason. */
  async #tell(movable: MovableContainer, problem: string, signal: AbortSignal): Promise<void> {
    const { api, state } = this.#shared;
    const now = state.view.get("container", movable.id);
    if (now === undefined || now.problem === problem || this.#workOn(now) === undefined) return;
    api.log.warn({ name: movable.name, reason: problem }, "a container of a lost host was not moved yet");
    try {
      await this.#write(movable.id, (present) => ({ ...present, problem }), signal);
    } catch (err) {
      signal.throwIfAborted();
      api.log.debug({ err: errorMessage(err) }, "the reason was not written down");
    }
  }

  async #move(movable: MovableContainer, from: ContainerPlace, signal: AbortSignal): Promise<void> {
    const { api, inHand } = this.#shared;
    const { id, name, isRunning, recipe } = movable;
    inHand.add(id);
    try {
      const to = await this.#make(movable, from, signal);
      for (const network of recipe.networks) await connect(api, to, network, signal);
      if (!(await this.#settle(movable, from, to, signal))) return;
      const [was, is] = [from, to].map(({ nodeId }) => hostName(api, nodeId));
      api.log.info({ name, from: was, to: is, containerId: to.containerId }, "moved a container of a lost host");
      if (isRunning) await start(api, to, signal);
    } finally {
      inHand.delete(id);
      this.#onMoved();
    }
  }

  /** Creates it on another host, where nobody meets it yet. */
  async #make(movable: MovableContainer, from: ContainerPlace, signal: AbortSignal): Promise<ContainerPlace> {
    const { api, state } = this.#shared;
    const { id, name, recipe } = movable;
    const making = {
      name,
      document: withCurrentIds(recipe.document, (other) => state.view.movableOf(other)?.place?.containerId),
      query: new URLSearchParams(),
      again: {
        movable,
        createMs: CREATE_MS,
        onPlaced: async (nodeId: NodeId) => {
          if (!isLost(state.view, from.nodeId)) throw new FlotillaError("unavailable", "its host is back");
          await this.#write(id, (now) => attempted(now, nodeId, api.clock.now()), signal);
        },
      },
    };
    const maker = { version: api.engine.apiVersion, signal };
    if (wantsAddress(movable)) await this.#release(movable, signal);
    const first = await makeContainer(api, maker, making);
    if (!isImageMissing(first)) return placeOf(first);
    await pull(api, first.nodeId, textField(recipe.document, "Image"), signal);
    return placeOf(await makeContainer(api, maker, making));
  }

  /** @returns whether it counts: its host may have come back. */
  async #settle(movable: MovableContainer, from: ContainerPlace, to: ContainerPlace, signal: AbortSignal) {
    const { view } = this.#shared.state;
    let counts = false;
    const settled = (now: MovableContainer) => {
      counts = now.place?.containerId === from.containerId && isLost(view, now.place.nodeId);
      return counts ? moved(now, to) : withRemnant(now, to);
    };
    await rewrite(this.#shared, movable.id, settled, signal, () => (counts ? releasePlaces(view, movable) : []));
    return counts;
  }

  /** An address that its user wants is free for it only when the lost host has it no more. */
  async #release(movable: MovableContainer, signal: AbortSignal): Promise<void> {
    const { view } = this.#shared.state;
    await rewrite(
      this.#shared,
      movable.id,
      (now) => now,
      signal,
      () => releasePlaces(view, movable),
    );
  }

  #write(id: string, change: (movable: MovableContainer) => MovableContainer, signal: AbortSignal): Promise<void> {
    return rewrite(this.#shared, id, change, signal);
  }
}

const wantsAddress = ({ recipe }: MovableContainer): boolean => {
  const endpoints = Object.values(field(field(recipe.document, "NetworkingConfig"), "EndpointsConfig") ?? {});
  const settings = [...endpoints, ...recipe.networks.map((network) => network.settings)];
  return settings.some((one) => textField(field(one, "IPAMConfig"), "IPv4Address") !== "");
};

/** @throws FlotillaError with what the engine says. */
function placeOf({ nodeId, isOk, answer }: Made): ContainerPlace {
  const body = answer.kind === "json" ? answer.body : undefined;
  if (isOk) return { nodeId, containerId: textField(body, "Id") };
  throw new FlotillaError("unavailable", textField(body, "message") || "the engine refused it");
}
