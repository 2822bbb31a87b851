import { LinkedAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { errorCode, errorMessage, unreachable } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { Container } from "#engine/engine.ts";
import type { Task, TaskStatus } from "#model/objects.ts";
import { isWanted, rank } from "#model/task-state.ts";
import type { ContainerFacts, TaskStep } from "#plan/task-step.ts";
import { nextStep } from "#plan/task-step.ts";
import type { ImageProgress } from "#wire/protocol.ts";
import type { Runner } from "./runner.ts";
import type { TaskContainers } from "./task-containers.ts";
import type { TaskReport } from "./task-status.ts";
import { taskStatus } from "./task-status.ts";

/** How often a task says how far its image is. */
const SHOW_COPY_MS = 2_000;
/** Wait before a step that failed for now is tried again. Source: fact sheet 2.2. */
const STEP_RETRY_MS = 1_000;

/** What a task says while its image and container are made ready. Source: fact sheet 2.2. */
const PREPARING = "preparing";

interface Deps {
  readonly containers: Pick<TaskContainers, "look" | "prepare" | "start" | "stop" | "remove" | "removeFiles">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with every new status, before the step that follows it. */
  readonly onStatus: (status: TaskStatus) => void;
  /** Called when another process is the container's, or none. */
  readonly onProcess: () => void;
}

/** What the runner itself knows before it has looked again. */
type Seen = Container | (ContainerFacts & { readonly state: "created" }) | "absent" | "unknown";

/**
 * Leads one task through its life on this node: takes `nextStep`, does it, and looks again.
 *
 * - Whatever may have changed only wakes the loop; what to do follows from the task, its status and the container.
 * - One step runs at a time. Only the pull of an image is broken off when the task is no longer wanted: all else is
 *   short, or is the way out.
 * - An engine that does not answer fails no task: the step is tried again until it does.
 */
export class TaskRunner implements Runner {
  readonly #deps: Deps;
  readonly #wakeup = new Wakeup();
  readonly #started = Promise.withResolvers<void>();
  #task: Task;
  #status: TaskStatus;
  #assigned: boolean;
  #seen: Seen = "unknown";
  /** Grows with each event: what was seen before counts no more. */
  #events = 0;
  #containerId: string | undefined;
  #pid = 0;
  #preparing: LinkedAbort | undefined;

  constructor(deps: Deps, task: Task, status: TaskStatus, assigned: boolean) {
    this.#deps = deps;
    this.#task = task;
    this.#status = status;
    this.#assigned = assigned;
    this.#containerId = status.container?.containerId;
    if (rank(status.state) >= rank("running")) this.#started.resolve();
  }

  get task(): Task {
    return this.#task;
  }

  get status(): TaskStatus {
    return this.#status;
  }

  get isAssigned(): boolean {
    return this.#assigned;
  }

  get containerId(): string | undefined {
    return this.#containerId;
  }

  /** The container's process in the host's namespace; 0 while it does not run. */
  get pid(): number {
    return this.#pid;
  }

  /** Resolves once the container has run, or never will. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** Takes over a newer definition. The manager's view of the status is not: the agent's own is ahead of it. */
  update(task: Task): void {
    const rises = rank(task.desired) >= rank(this.#task.desired);
    this.#task = rises ? task : { ...task, desired: this.#task.desired };
    this.#assigned = true;
    this.#changed();
  }

  /** The task is to leave this node, with its container. */
  release(): void {
    this.#assigned = false;
    this.#changed();
  }

  /** Something happened to the container. */
  lookAgain(): void {
    this.#events++;
    this.#seen = "unknown";
    this.#wakeup.wake();
  }

  /** What a step waited for may be there now. */
  retryNow(): void {
    this.#wakeup.wake();
  }

  /** Runs until the task has left this node, or `signal` aborts: the container then stays as it is. */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const step = nextStep(
        { desired: this.#task.desired, status: this.#status, assigned: this.#assigned },
        this.#seen,
      );
      try {
        await this.#perform(step, signal);
        if (step.kind === "done" && !this.#assigned) return this.#started.resolve();
      } catch (err) {
        signal.throwIfAborted();
        await this.#recover(step, err, signal);
      }
    }
  }

  #changed(): void {
    if (!this.#assigned || !isWanted(this.#task.desired)) this.#preparing?.abort(new Error("no longer wanted"));
    this.#wakeup.wake();
  }

  async #perform(step: TaskStep, signal: AbortSignal): Promise<void> {
    const { containers, clock } = this.#deps;
    switch (step.kind) {
      case "wait":
        return this.#wakeup.wait(clock, undefined, signal);
      case "look":
        return this.#look(signal);
      case "prepare":
        return this.#prepare(signal);
      case "start":
        await containers.start(this.#handle(), signal);
        return this.#forgetSight();
      case "stop":
        await containers.stop(this.#handle(), signal);
        return this.#forgetSight();
      case "remove":
        await containers.remove(this.#handle(), signal);
        return this.#see("absent");
      case "report":
        return this.#report(step);
      case "done":
        return containers.removeFiles(this.#task.id);
      default:
        return unreachable(step);
    }
  }

  #handle() {
    return { task: this.#task, containerId: this.#containerId };
  }

  async #look(signal: AbortSignal): Promise<void> {
    const before = this.#events;
    const container = await this.#deps.containers.look(this.#handle(), signal);
    if (before !== this.#events) return;
    this.#see(container ?? "absent");
    if (container === undefined) return;
    this.#containerId = container.id;
    const { state } = this.#status;
    if (state === "running" && container.state === "running" && container.pid !== this.#status.container?.pid) {
      this.#report(this.#status);
    }
  }

  async #prepare(signal: AbortSignal): Promise<void> {
    const before = this.#events;
    using preparing = new LinkedAbort(signal);
    this.#preparing = preparing;
    try {
      const { containerId, isNew } = await this.#deps.containers.prepare(
        this.#task,
        preparing.signal,
        signal,
        (progress) => this.#showCopy(progress),
      );
      this.#containerId = containerId;
      this.#see(isNew && before === this.#events ? JUST_CREATED : "unknown");
    } catch (err) {
      if (!preparing.signal.aborted || signal.aborted) throw err;
      return this.#forgetSight();
    } finally {
      this.#preparing = undefined;
    }
    if (this.#status.state === "preparing") this.#report({ state: "ready", message: "prepared" });
  }

  /** Says now and then how far the image is: each word is a write to the managers' store. */
  #showCopy(progress: ImageProgress): void {
    const { clock } = this.#deps;
    const isRecent = this.#status.message !== PREPARING && clock.now() < this.#status.timestamp + SHOW_COPY_MS;
    if (this.#status.state !== "preparing" || isRecent) return;
    this.#report({ state: "preparing", message: `${PREPARING}: ${renderProgress(progress)}` });
  }

  #forgetSight(): void {
    this.#see("unknown");
  }

  #see(seen: Seen): void {
    this.#seen = seen;
    if (seen !== "unknown") this.#follow(typeof seen === "object" && "pid" in seen ? seen.pid : 0);
    if (typeof seen === "object" && seen.state !== "created") this.#started.resolve();
  }

  #follow(pid: number): void {
    if (pid === this.#pid) return;
    this.#pid = pid;
    this.#deps.onProcess();
  }

  #report(report: TaskReport): void {
    const { clock, log, onStatus } = this.#deps;
    const container = typeof this.#seen === "object" && "id" in this.#seen ? this.#seen : undefined;
    const before = this.#status;
    this.#status = taskStatus(this.#task, before, report, container, clock.now());
    if (rank(report.state) > rank("running")) this.#started.resolve();
    log.debug({ taskId: this.#task.id, from: before.state, to: report.state, err: report.err }, "task advanced");
    onStatus(this.#status);
  }

  /** Decides whether a step that failed ends the task, or is tried again. */
  async #recover(step: TaskStep, err: unknown, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    const message = errorMessage(err);
    const isSetUp = step.kind === "prepare" || step.kind === "start";
    if (isSetUp && (!this.#assigned || !isWanted(this.#task.desired))) return this.#forgetSight();
    if (isSetUp && errorCode(err) !== "unavailable") return this.#fail(step.kind, message, signal);
    log.debug({ taskId: this.#task.id, step: step.kind, err: message }, "step failed for now");
    if (step.kind !== "look") this.#forgetSight();
    if (isSetUp && this.#status.err !== message) this.#report({ ...this.#status, err: message });
    await this.#wakeup.wait(clock, clock.now() + STEP_RETRY_MS, signal);
  }

  /** A failure before `starting` rejects the task, a later one fails it. */
  async #fail(step: "prepare" | "start", reason: string, signal: AbortSignal): Promise<void> {
    const { state, message } = this.#status;
    this.#deps.log.info({ taskId: this.#task.id, step, err: reason }, "task failed");
    if (step === "prepare") {
      return this.#report({ state: rank(state) < rank("starting") ? "rejected" : "failed", message, err: reason });
    }
    this.#forgetSight();
    await this.#look(signal).catch(() => signal.throwIfAborted());
    this.#report({ state: "failed", message, err: `starting container failed: ${reason}` });
  }
}

const JUST_CREATED: Seen = { state: "created", exitCode: 0, error: "", oomKilled: false };

const renderProgress = ({ from, sentBytes, totalBytes }: ImageProgress): string =>
  `copying its image from ${from} (${megabytes(sentBytes)} of ${megabytes(totalBytes)})`;

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
