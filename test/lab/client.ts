import { type ChildProcess, spawn } from "node:child_process";
import type { LabHost } from "#lab/host.ts";
import { eventually } from "./cluster.ts";

/** A `docker` client that goes on while a test does other things. Disposal kills it. */
export class RunningClient implements Disposable {
  readonly #child: ChildProcess;
  #stdout = "";
  #stderr = "";

  /** @param stdout `ignore` for more than can be kept. */
  constructor(
    host: LabHost,
    argv: readonly string[],
    stdin: "ignore" | "pipe" = "ignore",
    stdout: "ignore" | "pipe" = "pipe",
  ) {
    this.#child = spawn("docker", ["--host", `unix://${host.daemonSocket}`, ...argv], {
      stdio: [stdin, stdout, "pipe"],
    });
    this.#child.stdin?.on("error", () => undefined); // It may end before it has read all.
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.#stdout += text));
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
  }

  get stdout(): string {
    return this.#stdout;
  }
  get stderr(): string {
    return this.#stderr;
  }
  /** The complete lines that it has printed. */
  get lines(): readonly string[] {
    return this.#stdout.split("\n").slice(0, -1);
  }
  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  closeInput(): void {
    this.#child.stdin?.end();
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async ended(withinMs = 15_000): Promise<void> {
    await eventually(`the end of docker ${this.#child.spawnargs.slice(3).join(" ")}`, () => this.hasEnded, withinMs);
  }

  [Symbol.dispose](): void {
    if (!this.hasEnded) this.#child.kill("SIGKILL");
  }
}
