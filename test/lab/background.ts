import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { eventually } from "./cluster.ts";

/** Somewhere to run commands: a lab (as a client that is none of its hosts), a host, a container's network. */
export interface Place {
  enter(argv: readonly string[]): readonly string[];
}

/** A program that goes on while a test does other things. Disposal kills it. */
export class Background implements Disposable {
  readonly #child: ChildProcess;
  #output = "";

  constructor(place: Place, argv: readonly string[]) {
    const [file = "", ...args] = place.enter(argv);
    this.#child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.#output += text));
  }

  /** What it has printed until now. */
  get output(): string {
    return this.#output;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Waits until it has printed something, and so is at work. */
  async began(): Promise<void> {
    await eventually(`a word of ${this.#child.spawnargs.join(" ")}`, () => this.#output !== "");
  }

  /** Ends its standard input, and waits until it has ended itself: all that it printed. */
  async finish(): Promise<string> {
    const ended = this.hasEnded ? undefined : once(this.#child, "close");
    this.#child.stdin?.end();
    await ended;
    return this.#output;
  }

  [Symbol.dispose](): void {
    if (!this.hasEnded) this.#child.kill("SIGKILL");
  }
}
