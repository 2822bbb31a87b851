import { withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { Pulse } from "#base/pulse.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { NetworkId } from "#model/ids.ts";
import type { NetworkObject, NodeNetwork } from "#model/node-network.ts";
import type { DataPlane, LocalContainer } from "#network/data-plane.ts";
import type { AssignmentMessage } from "#wire/protocol.ts";
import type { EngineNetworks } from "./engine-networks.ts";
import type { NetworkObjects } from "./network-objects.ts";

/** How often the engine is asked whether it still has its networks: somebody may have removed one. */
const LOOK_MS = 5_000;
/** The same while something is missing, or cannot be removed yet. */
const RETRY_MS = 1_000;
/** How long a task waits for its networks before its status says so; it is tried again then. */
const READY_MS = 5_000;

interface Deps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly objects: NetworkObjects;
  readonly engineNetworks: EngineNetworks;
  /** Opens the data plane: called at the first network, and again when all networks were gone meanwhile. */
  readonly openDataPlane: () => Promise<DataPlane>;
}

/**
 * The networks of this node: the engine's bridges and the data plane, kept as the managers said last. A node without
 * networks has no data plane; when the last network is gone, so is all that the data plane made.
 */
export class NetworkKeeper {
  readonly #deps: Deps;
  readonly #wakeup = new Wakeup();
  #plane: DataPlane | undefined;
  #containers: readonly LocalContainer[] = [];
  #failure: FlotillaError | undefined;
  /** Whether managers have told, since this daemon started, of all networks that there are. */
  #isComplete = false;
  /** Whether the host is known to have nothing of the data plane's. */
  #isCleared = false;
  readonly #progress = new Pulse();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  objects(): Iterable<NetworkObject> {
    return this.#deps.objects.all();
  }

  network(id: NetworkId): NodeNetwork | undefined {
    return this.#deps.objects.network(id);
  }

  /** The engine's id of a network, once `ready` has resolved. */
  engineId(id: NetworkId): string {
    return this.#bridgeId(id) ?? this.network(id)?.name ?? id;
  }

  /** @returns whether the message says anything about networks. */
  apply(message: AssignmentMessage): boolean {
    const changes = this.#deps.objects.apply(message);
    if (message.type === "complete") {
      this.#isComplete = true;
      this.#wakeup.wake();
    }
    if (changes === undefined) return false;
    if (message.type === "complete") this.#plane?.reset(this.objects());
    else this.#plane?.change(changes);
    if (changes.some((change) => change.type === "remove" || change.object.kind === "node-network"))
      this.#wakeup.wake();
    this.#progress.beat();
    return true;
  }

  /** The running containers of this node that are on its networks. */
  setContainers(containers: readonly LocalContainer[]): void {
    this.#containers = containers;
    this.#plane?.setContainers(containers);
  }

  /** The engine may have been replaced, or reset. */
  lookAgain(): void {
    this.#wakeup.wake();
  }

  /**
   * Resolves when containers can be started on the network.
   * @throws FlotillaError `unavailable` when that takes long, or no manager has told of the network; `precondition` when
   * this host cannot have it.
   */
  async ready(id: NetworkId, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const name = this.network(id)?.name ?? id;
    this.#check(id);
    try {
      await withDeadline(clock, READY_MS, `making network ${name} ready on this node`, signal, (stop) =>
        this.#becomeReady(id, stop),
      );
    } catch (err) {
      signal.throwIfAborted();
      this.#check(id);
      throw err;
    }
  }

  /** Resolves when all that was said until now is in force on this node. */
  async settled(signal: AbortSignal): Promise<void> {
    for (let plane = this.#plane; !this.#deps.objects.isEmpty || plane !== undefined; plane = this.#plane) {
      if (plane === undefined) await this.#progress.wait(signal);
      else return await plane.settled(signal);
    }
  }

  /** Works until `signal` aborts; networks and traffic then stay as they are. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, objects } = this.#deps;
    for (;;) {
      try {
        if (objects.isEmpty) await this.#rest(signal);
        else await this.#serve(signal);
        this.#failure = undefined;
      } catch (err) {
        signal.throwIfAborted();
        log.error({ err }, "networks failed, starting them again");
        const cause = err instanceof Error ? (err.cause ?? err) : err;
        this.#failure = new FlotillaError("unavailable", `this node's networks do not work: ${errorMessage(cause)}`);
        await clock.sleep(RETRY_MS, signal);
      }
    }
  }

  /** Nothing to do, but to remove what is left of networks, perhaps by an earlier life of this daemon. */
  async #rest(signal: AbortSignal): Promise<void> {
    const { clock, objects, engineNetworks, openDataPlane } = this.#deps;
    while (objects.isEmpty) {
      const isDone =
        !this.#isComplete || ((await this.#reconcile(this.#isCleared, signal)) && engineNetworks.isSettled);
      if (isDone || this.#isCleared || engineNetworks.leftovers === 0) {
        await this.#wakeup.wait(clock, isDone ? undefined : clock.now() + RETRY_MS, signal);
      } else {
        await using plane = await openDataPlane();
        await plane.clear(signal);
        this.#isCleared = true;
      }
    }
  }

  /** Until the last network is gone. The engine's bridges go after all that was built upon them. */
  async #serve(signal: AbortSignal): Promise<void> {
    this.#isCleared = false;
    await using plane = await this.#deps.openDataPlane();
    await this.#keep(plane, signal);
    await plane.clear(signal);
    this.#isCleared = true;
  }

  async #keep(plane: DataPlane, signal: AbortSignal): Promise<void> {
    const { clock, objects, engineNetworks } = this.#deps;
    await using jobs = new TaskGroup(signal);
    jobs.spawn("data plane", (stop) => plane.run(stop));
    plane.setContainers(this.#containers);
    plane.reset(this.objects());
    this.#plane = plane;
    try {
      while (!objects.isEmpty) {
        this.#progress.beat();
        const isSettled = (await this.#reconcile(this.#isComplete, jobs.signal)) && engineNetworks.isSettled;
        this.#progress.beat();
        await this.#wakeup.wait(clock, clock.now() + (isSettled ? LOOK_MS : RETRY_MS), jobs.signal);
      }
    } finally {
      this.#plane = undefined;
    }
  }

  /** @returns whether the engine answered. */
  async #reconcile(mayRemove: boolean, signal: AbortSignal): Promise<boolean> {
    const { engineNetworks, objects, log } = this.#deps;
    try {
      await engineNetworks.reconcile(objects.networks(), mayRemove, signal);
      return true;
    } catch (err) {
      signal.throwIfAborted();
      log.debug({ err: errorMessage(err) }, "the engine's networks were not looked at");
      return false;
    }
  }

  async #becomeReady(id: NetworkId, signal: AbortSignal): Promise<void> {
    for (;;) {
      this.#check(id);
      const plane = this.#plane;
      if (plane !== undefined && this.#bridgeId(id) !== undefined) return await plane.ready(id, signal);
      await this.#progress.wait(signal);
    }
  }

  #bridgeId(id: NetworkId): string | undefined {
    const network = this.network(id);
    return network && this.#deps.engineNetworks.idOf(network);
  }

  #check(id: NetworkId): void {
    const network = this.network(id);
    if (network === undefined) throw new FlotillaError("unavailable", `waiting for a manager to send network ${id}`);
    const refusal = this.#failure ?? this.#deps.engineNetworks.problem(id);
    if (refusal !== undefined) throw refusal;
    const problem = this.#plane?.problem(id);
    if (problem !== undefined) throw new FlotillaError("precondition", problem);
  }
}
