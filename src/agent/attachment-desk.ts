import { withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { TaskId } from "#model/ids.ts";
import type { NetworkObject } from "#model/node-network.ts";
import type { AttachedNetwork, AttachRequest, ManagerConnection } from "#wire/protocol.ts";
import type { NetworkKeeper } from "./network-keeper.ts";
import type { Worker } from "./worker.ts";

/** Longest wait for a manager's answer: the address has to be given and the place assigned. */
const CALL_DEADLINE_MS = 10_000;
/** Longest wait for the manager to tell this node of the place. */
const ASSIGNED_DEADLINE_MS = 10_000;

/** What an agent has of the desk's places. */
interface Node {
  readonly networks: Pick<NetworkKeeper, "ready" | "objects">;
  readonly worker: Pick<Worker, "assigned">;
}

/** Where containers that no service made get places on the cluster's networks, while the agent has a session. */
export class AttachmentDesk {
  readonly #clock: Clock;
  #node: Node | undefined;
  #connection: ManagerConnection | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What managers told last about networks. */
  objects(): Iterable<NetworkObject> {
    return this.#node?.networks.objects() ?? [];
  }

  /** Opens the desk for an agent's life. */
  open(node: Node): Disposable {
    this.#node = node;
    return {
      [Symbol.dispose]: () => {
        this.#node = undefined;
      },
    };
  }

  /** Serves over this connection, for a session's life. */
  serve(connection: ManagerConnection): Disposable {
    this.#connection = connection;
    return {
      [Symbol.dispose]: () => {
        if (this.#connection === connection) this.#connection = undefined;
      },
    };
  }

  /**
   * Gets a place on an attachable network; resolves when a container can be connected there. A place that no container
   * takes within a minute is given back.
   * @throws FlotillaError as `AgentService.attachNetwork`, or why this node cannot have the network.
   */
  async attach(request: AttachRequest, signal: AbortSignal): Promise<AttachedNetwork> {
    const connection = this.#open();
    const attached = await withDeadline(this.#clock, CALL_DEADLINE_MS, "attaching", signal, (call) =>
      connection.attachNetwork(request, call),
    );
    try {
      await this.#ready(attached, signal);
    } catch (err) {
      await this.detach(attached.taskId, signal).catch(() => undefined);
      throw err;
    }
    return attached;
  }

  /** Gives the place back; no error when it is gone. */
  async detach(taskId: TaskId, signal: AbortSignal): Promise<void> {
    const connection = this.#open();
    await withDeadline(this.#clock, CALL_DEADLINE_MS, "detaching", signal, (call) =>
      connection.detachNetwork(taskId, call),
    );
  }

  /** What this node knew of the network before may be about to be over: the last place there was given back, say. */
  async #ready({ taskId, networkId }: AttachedNetwork, signal: AbortSignal): Promise<void> {
    const node = this.#node;
    if (node === undefined) throw noSession();
    await withDeadline(this.#clock, ASSIGNED_DEADLINE_MS, "hearing of the place", signal, (stop) =>
      node.worker.assigned(taskId, stop),
    );
    await node.networks.ready(networkId, signal);
  }

  #open(): ManagerConnection {
    if (this.#connection === undefined) throw noSession();
    return this.#connection;
  }
}

const noSession = (): FlotillaError =>
  new FlotillaError("unavailable", "this node has no session with a manager at present: try again in a moment");
