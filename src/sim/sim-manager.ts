import type { Clock } from "#base/clock.ts";
import { errorMessage } from "#base/errors.ts";
import { type Random, seededRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { RootKeeper } from "#manager/control/cluster.ts";
import type { Control } from "#manager/control.ts";
import { createManager, type Manager } from "#manager/manager.ts";
import { openMemoryStore } from "#store/memory.ts";
import { openReplica } from "#store/replica.ts";
import type { StoreState } from "#store/state.ts";
import type { EventLog } from "./event-log.ts";
import { SimDisk } from "./sim-disk.ts";
import type { SimNetwork } from "./sim-network.ts";
import { SkewedClock } from "./skewed-clock.ts";

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: EventLog;
  readonly network: SimNetwork;
  /** What the disk holds: it survives the process. */
  readonly state: StoreState;
  /** Called when a manager ended that nobody had ended. */
  readonly onFailure: (reason: string) => void;
}

/** No certificates are used here. */
const NO_ROOTS: RootKeeper = { trustRoot: () => "", respecify: async (cluster) => cluster.rootCA };

/** A manager's process on its machine: it starts, runs, crashes at any moment, and starts again. */
export class SimManager {
  readonly clock: SkewedClock;
  readonly #deps: Deps;
  #process: { readonly stop: AbortController; readonly disk: SimDisk; readonly ended: Promise<void> } | undefined;
  #manager: Manager | undefined;
  #starts = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.clock = new SkewedClock(deps.clock);
  }

  /** What clients may ask; undefined while no manager is up. */
  get control(): Control | undefined {
    return this.#manager?.control;
  }

  get disk(): SimDisk | undefined {
    return this.#process?.disk;
  }

  get isUp(): boolean {
    return this.#process !== undefined;
  }

  start(): void {
    if (this.#process !== undefined) return;
    const stop = new AbortController();
    const store = openMemoryStore(this.#deps.state);
    const random = seededRandom(Math.floor(this.#deps.random.next() * 2 ** 31) + ++this.#starts);
    const disk = new SimDisk(store, { clock: this.#deps.clock, random }, stop.signal);
    this.#deps.log.note("manager", "starts");
    this.#process = { stop, disk, ended: this.#run(disk, random, stop.signal) };
  }

  /** Ends the process at once. What it had not written is lost. */
  async crash(): Promise<void> {
    const process = this.#process;
    if (process === undefined) return;
    this.#deps.log.note("manager", "crashes");
    this.#process = undefined;
    this.#manager = undefined;
    process.stop.abort(new Error("the manager crashed"));
    await process.ended;
  }

  async #run(disk: SimDisk, random: Random, signal: AbortSignal): Promise<void> {
    try {
      await this.#runParts(disk, random, signal);
    } catch (err) {
      if (signal.aborted) return;
      this.#process = undefined;
      this.#manager = undefined;
      const cause = err instanceof Error ? (err.cause ?? err) : err;
      this.#deps.onFailure(`the manager ended by itself: ${errorMessage(err)}: ${errorMessage(cause)}`);
    }
  }

  async #runParts(disk: SimDisk, random: Random, signal: AbortSignal): Promise<void> {
    const log = this.#deps.log.logger("manager");
    const parts = { clock: this.clock, random, log };
    await using store = disk;
    await using jobs = new TaskGroup(signal);
    const state = await openReplica(store, parts, jobs.signal);
    signal.throwIfAborted();
    jobs.spawn("replica", (stop) => state.run(stop));
    const manager = createManager({ ...parts, state, roots: NO_ROOTS });
    jobs.spawn("manager", (stop) => manager.run(stop));
    this.#manager = manager;
    this.#deps.network.listen({ agents: manager.agents, life: jobs.signal });
    await jobs.done();
  }
}
