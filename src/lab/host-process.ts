import { join } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import { isAlive, type ProcessIdentity, signalProcess } from "#base/process-identity.ts";
import { logTail, startDetached } from "./detached.ts";
import type { Machine } from "./machine.ts";
import { loadRecord, type ProcessRecord, saveRecord } from "./process-record.ts";
import { parentOf } from "./process-table.ts";
import { until } from "./until.ts";

/** How long a process may take to end after SIGTERM before it is killed, in ms. As dockerd's own shutdown timeout. */
const STOP_MS = 15_000;
const KILL_MS = 10_000;

/**
 * A long-running process of a host, by name: `engine`, `daemon`, … It is found by its record, so that it can be handled
 * by another command than the one that started it. Signals go to this process only, not to its children.
 */
export class HostProcess {
  readonly name: string;
  readonly log: string;
  readonly #machine: Machine;

  constructor(machine: Machine, name: string) {
    this.#machine = machine;
    this.name = name;
    this.log = join(machine.paths.log, `${name}.log`);
  }

  /** As this machine counts; inside the host the process has another pid. Undefined when it does not run. */
  get pid(): number | undefined {
    return this.#running()?.pid;
  }

  get isRunning(): boolean {
    return this.#running() !== undefined;
  }

  /** The arguments it was last started with; undefined when it never was. */
  get argv(): readonly string[] | undefined {
    return this.#record()?.argv;
  }

  /** The last lines of what it printed. */
  get logTail(): string {
    return logTail(this.log);
  }

  /** @throws FlotillaError `precondition` when it runs already, or the host is off. */
  async start(argv: readonly string[], signal: AbortSignal): Promise<void> {
    if (this.isRunning) throw new FlotillaError("precondition", `${this.title} runs already`);
    const { lab, name: host } = this.#machine;
    const started = await startDetached({ lab, argv: this.#machine.enter(argv), log: this.log }, signal);
    await saveRecord(lab, host, this.name, { ...started, argv });
  }

  /** Asks it to end, and kills it when it has not done so after 15 s. */
  async stop(signal: AbortSignal): Promise<void> {
    const running = this.#running();
    if (running === undefined) return;
    signalProcess(running, "SIGTERM");
    try {
      await until(`the stop of ${this.title}`, STOP_MS, () => !isAlive(running), signal);
    } catch {
      signal.throwIfAborted();
      await this.kill(signal);
    }
  }

  /** Ends it with no warning. */
  async kill(signal: AbortSignal): Promise<void> {
    const running = this.#running();
    if (running === undefined) return;
    signalProcess(running, "SIGKILL");
    this.#continueWrapper(running);
    await until(`the end of ${this.title}`, KILL_MS, () => !isAlive(running), signal);
  }

  /** Stops it, when it runs, and starts it with the arguments that it had. */
  async restart(signal: AbortSignal): Promise<void> {
    const { argv } = this;
    if (argv === undefined) throw new FlotillaError("precondition", `${this.title} was never started`);
    await this.stop(signal);
    await this.start(argv, signal);
  }

  /** @throws FlotillaError `precondition` when it does not run. */
  signal(name: NodeJS.Signals): void {
    const running = this.#running();
    if (running === undefined || !signalProcess(running, name))
      throw new FlotillaError("precondition", `${this.title} does not run`);
  }

  /** Lets it hang: it keeps its connections and answers nothing, until `thaw`. */
  freeze(): void {
    this.signal("SIGSTOP");
  }

  thaw(): void {
    this.signal("SIGCONT");
    const running = this.#running();
    if (running !== undefined) this.#continueWrapper(running);
  }

  /** What messages call it. */
  get title(): string {
    return `the ${this.name} of ${this.#machine.name}`;
  }

  /** nsenter stops itself together with its child; while it is stopped, it cannot collect a child that has ended. */
  #continueWrapper(child: ProcessIdentity): void {
    const wrapper = parentOf(child.pid);
    if (wrapper > 1) process.kill(wrapper, "SIGCONT");
  }

  #record(): ProcessRecord | undefined {
    return loadRecord(this.#machine.lab, this.#machine.name, this.name);
  }

  #running(): ProcessIdentity | undefined {
    const record = this.#record();
    return record !== undefined && isAlive(record) ? record : undefined;
  }
}
