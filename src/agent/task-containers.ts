import type { Clock } from "#base/clock.ts";
import { errorCode, FlotillaError } from "#base/errors.ts";
import type { Watcher } from "#base/shared-work.ts";
import { containerBody, TASK_ID_LABEL, taskVolumes } from "#engine/container-body.ts";
import type { Container, CreateContainer, Engine } from "#engine/engine.ts";
import { nsToMs, STOP_GRACE_MS } from "#model/defaults.ts";
import type { TaskId } from "#model/ids.ts";
import type { Task } from "#model/objects.ts";
import type { NodeDescription } from "#model/spec.ts";
import { taskName } from "#model/task-name.ts";
import type { ImageProgress } from "#wire/protocol.ts";
import type { SetDefaultRoute } from "./default-route.ts";
import type { ImagePuller } from "./image-puller.ts";
import type { NodeIdentity } from "./labels.ts";
import type { NetworkKeeper } from "./network-keeper.ts";
import { WITHHELD } from "./task-db.ts";
import type { Payloads, TaskFileStore } from "./task-files.ts";
import { hasFiles, taskFiles } from "./task-files.ts";
import { gatewayToSet, type TaskPlace, taskPlaces } from "./task-places.ts";

/** The node that containers are made for. */
export interface ContainerNode extends NodeIdentity {
  readonly description: NodeDescription;
}

/**
 * A task that others may call is stopped so long after the last node has sent it a connection: its server gets a moment
 * to accept what is in its queue, which the kernel would refuse when the server closes it.
 */
const LAST_CONNECTIONS_MS = 100;

interface Deps {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly images: Pick<ImagePuller, "ensure">;
  readonly files: TaskFileStore;
  readonly payloads: Payloads;
  readonly networks: Pick<NetworkKeeper, "network" | "engineId" | "ready">;
  readonly setDefaultRoute: SetDefaultRoute;
  readonly node: () => ContainerNode;
}

/** How a container is known: by its id once it has one, else by its name. */
export interface ContainerHandle {
  readonly task: Task;
  readonly containerId: string | undefined;
}

export interface Prepared {
  readonly containerId: string;
  /** False for a container that existed, and may be in any state. */
  readonly isNew: boolean;
}

/**
 * The containers of a node's tasks: each method is one effect on the engine, safe to repeat after it was interrupted.
 * Errors are the engine's; `unavailable` says that the same call may work later.
 */
export class TaskContainers {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** The task's container as it is now. Undefined when there is none, or the one of its name is not the task's. */
  async look({ task, containerId }: ContainerHandle, signal: AbortSignal): Promise<Container | undefined> {
    const container = await this.#deps.engine.inspectContainer(containerId ?? taskName(task), signal);
    return container?.labels[TASK_ID_LABEL] === task.id ? container : undefined;
  }

  /**
   * Gets files, image, networks and volumes in place and creates the container, or takes over the one that exists.
   * The end of `wanted` breaks off the waits. A creation that was begun is seen to its end: an engine does not stop at
   * a caller that hangs up, and its container would turn up after nobody looks for it any more.
   * @param tell is told how far a copy of the image from another host is.
   */
  async prepare(
    task: Task,
    wanted: AbortSignal,
    signal: AbortSignal,
    tell?: Watcher<ImageProgress>,
  ): Promise<Prepared> {
    const { engine, images } = this.#deps;
    const node = this.#deps.node();
    const files = await this.#writeFiles(task, wanted);
    const networks = this.#places(task);
    const body = containerBody(task, node, { clusterId: node.clusterId, files, networks });
    if (task.registryAuth === WITHHELD) {
      throw new FlotillaError("unavailable", "waiting for a manager to send the registry credentials");
    }
    await images.ensure(body.Image, task.registryAuth, wanted, tell);
    await this.#awaitNetworks(networks, wanted);
    wanted.throwIfAborted();
    for (const volume of taskVolumes(task, node)) await engine.createVolume(volume, signal);
    const prepared = await this.#create(task, body, signal);
    await this.#connect(prepared, networks.slice(1), signal);
    return prepared;
  }

  /** Starts a container, whose files may have been lost with the host's memory since it was created. */
  async start({ task, containerId }: ContainerHandle, signal: AbortSignal): Promise<void> {
    if (hasFiles(task)) await this.#writeFiles(task, signal);
    const places = this.#places(task);
    await this.#awaitNetworks(places, signal);
    const id = containerId ?? taskName(task);
    await this.#deps.engine.startContainer(id, signal);
    const gateway = gatewayToSet(places);
    if (gateway !== undefined) await this.#route(id, gateway, signal);
  }

  async stop({ task, containerId }: ContainerHandle, signal: AbortSignal): Promise<void> {
    const { clock, engine } = this.#deps;
    if (task.networks?.length) await clock.sleep(LAST_CONNECTIONS_MS, signal);
    await engine.stopContainer(containerId ?? taskName(task), stopGraceMs(task), signal);
  }

  async remove({ task, containerId }: ContainerHandle, signal: AbortSignal): Promise<void> {
    await this.#deps.engine.removeContainer(containerId ?? taskName(task), signal);
  }

  /** Removes what is left of a task besides its container. */
  async removeFiles(taskId: TaskId): Promise<void> {
    await this.#deps.files.remove(taskId);
  }

  async #create(task: Task, body: CreateContainer, signal: AbortSignal): Promise<Prepared> {
    try {
      return { containerId: await this.#deps.engine.createContainer(taskName(task), body, signal), isNew: true };
    } catch (err) {
      const handle = { task, containerId: undefined };
      const existing = errorCode(err) === "exists" ? await this.look(handle, signal) : undefined;
      if (existing === undefined) throw err;
      return { containerId: existing.id, isNew: false };
    }
  }

  /** Connects the container to networks besides the first. One that existed may have been left half-way. */
  async #connect({ containerId, isNew }: Prepared, places: readonly TaskPlace[], signal: AbortSignal): Promise<void> {
    const { engine, networks } = this.#deps;
    if (places.length === 0) return;
    const existing = isNew ? undefined : await engine.inspectContainer(containerId, signal);
    const connected = new Set(existing?.networks.map(({ name }) => name));
    for (const { networkId, network, settings } of places) {
      if (connected.has(network)) continue;
      await engine.connectNetwork(networks.engineId(networkId), containerId, settings, signal);
    }
  }

  /** A container that has ended meanwhile needs no route. */
  async #route(id: string, gateway: string, signal: AbortSignal): Promise<void> {
    const { engine, setDefaultRoute } = this.#deps;
    const pid = async () => (await engine.inspectContainer(id, signal))?.pid ?? 0;
    const started = await pid();
    if (started === 0) return;
    try {
      await setDefaultRoute(started, gateway, signal);
    } catch (err) {
      signal.throwIfAborted();
      if ((await pid()) === started) throw err;
    }
  }

  #places(task: Task): readonly TaskPlace[] {
    return taskPlaces(task, (id) => this.#deps.networks.network(id));
  }

  async #awaitNetworks(places: readonly TaskPlace[], signal: AbortSignal): Promise<void> {
    await Promise.all(places.map(({ networkId }) => this.#deps.networks.ready(networkId, signal)));
  }

  async #writeFiles(task: Task, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const { files, payloads, node } = this.#deps;
    return files.write(task.id, taskFiles(task, node(), payloads), signal);
  }
}

/** Milliseconds between the request to stop and the kill. */
export function stopGraceMs(task: Task): number {
  const grace = task.spec.ContainerSpec?.StopGracePeriod;
  return grace === undefined ? STOP_GRACE_MS : nsToMs(grace);
}
