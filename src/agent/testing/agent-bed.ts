import type { AgentOutcome } from "#agent/agent.ts";
import { runAgent } from "#agent/agent.ts";
import { AttachmentDesk } from "#agent/attachment-desk.ts";
import type { TaskDb } from "#agent/task-db.ts";
import { openTaskDb } from "#agent/task-db.ts";
import type { TaskFile, TaskFileStore } from "#agent/task-files.ts";
import { FlotillaError } from "#base/errors.ts";
import { silentLogger } from "#base/log.ts";
import { ManualClock } from "#base/manual-clock.ts";
import { seededRandom } from "#base/random.ts";
import { TASK_ID_LABEL } from "#engine/container-body.ts";
import type { Container } from "#engine/engine.ts";
import type { FakeEngine } from "#engine/fake-engine.ts";
import { createFakeEngine } from "#engine/fake-engine.ts";
import type { TaskId } from "#model/ids.ts";
import type { SessionMessage } from "#wire/protocol.ts";
import { description, IMAGE } from "./builders.ts";
import { DataPlaneDouble } from "./data-plane-double.ts";
import { ManagerDouble } from "./manager-double.ts";

/** Files of secrets in memory. */
export class MemoryFiles implements TaskFileStore {
  readonly tasks = new Map<TaskId, readonly TaskFile[]>();

  async write(taskId: TaskId, files: readonly TaskFile[]): Promise<ReadonlyMap<string, string>> {
    if (files.length > 0) this.tasks.set(taskId, files);
    return new Map(files.map(({ target }, index) => [target, `/secrets/${taskId}/${index}`]));
  }

  async remove(taskId: TaskId): Promise<void> {
    this.tasks.delete(taskId);
  }

  async sweep(keep: ReadonlySet<TaskId>): Promise<void> {
    for (const taskId of this.tasks.keys()) if (!keep.has(taskId)) this.tasks.delete(taskId);
  }

  async clear(): Promise<void> {
    this.tasks.clear();
  }
}

/** One agent with its engine, its disk, its clock and a manager: the daemon can be stopped and started again. */
export class AgentBed implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly engine: FakeEngine;
  readonly manager = new ManagerDouble("m1:2377");
  readonly others = new Map<string, ManagerDouble>();
  readonly db: TaskDb = openTaskDb(":memory:", silentLogger);
  readonly files = new MemoryFiles();
  readonly desk = new AttachmentDesk(this.clock);
  /** Data planes as they were opened. */
  readonly planes: DataPlaneDouble[] = [];
  /** Default routes as they were set. */
  readonly routes: { readonly pid: number; readonly gateway: string }[] = [];
  readonly words: SessionMessage[] = [];
  readonly dialled: string[] = [];
  outcome: AgentOutcome | undefined;
  failure: unknown;
  #stop: AbortController | undefined;
  #running: Promise<void> | undefined;

  constructor() {
    this.engine = createFakeEngine({ clock: this.clock, description });
    this.engine.addImage(IMAGE);
  }

  async start(): Promise<void> {
    const { clock, engine, db, files } = this;
    const stop = new AbortController();
    this.#stop = stop;
    const deps = {
      node: { id: "n1", clusterId: "c1" },
      engine,
      clock,
      random: seededRandom(1),
      log: silentLogger,
      db,
      files,
      managers: [this.manager.addr],
      connect: async (addr: string) => this.#dial(addr),
      describe: (signal: AbortSignal) => engine.describe(signal),
      onSession: (message: SessionMessage) => this.words.push(message),
      openDataPlane: async () => this.#openPlane(),
      setDefaultRoute: async (pid: number, gateway: string) => {
        this.routes.push({ pid, gateway });
      },
      attachments: this.desk,
    };
    this.#running = runAgent(deps, stop.signal).then(
      (outcome) => {
        this.outcome = outcome;
      },
      (err: unknown) => {
        if (!stop.signal.aborted) this.failure = err;
      },
    );
    await clock.settle();
  }

  /** Ends the daemon, however: its containers are not asked. */
  async stop(): Promise<void> {
    this.#stop?.abort(new Error("stopped by the test"));
    await this.#running;
  }

  /** The data plane that was opened last. */
  get plane(): DataPlaneDouble | undefined {
    return this.planes.at(-1);
  }

  /** The container of a task. */
  container(taskId: TaskId): Container | undefined {
    return this.engine.containers.find((container) => container.labels[TASK_ID_LABEL] === taskId);
  }

  state(taskId: TaskId): string | undefined {
    return this.manager.latest.get(taskId)?.state;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.engine[Symbol.asyncDispose]();
  }

  #openPlane(): DataPlaneDouble {
    const plane = new DataPlaneDouble();
    this.planes.push(plane);
    return plane;
  }

  #dial(addr: string) {
    this.dialled.push(addr);
    const manager = addr === this.manager.addr ? this.manager : this.others.get(addr);
    if (manager === undefined) throw new FlotillaError("unavailable", `${addr} does not answer`);
    return manager.connect();
  }
}
