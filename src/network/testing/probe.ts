import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { AskReply, Order } from "./agent-orders.ts";

const AGENT = fileURLToPath(new URL("./agent.ts", import.meta.url));
const TIMEOUT_MS = 1_500;

interface Waiting {
  readonly resolve: (said: string) => void;
  readonly reject: (err: Error) => void;
}

/** A process in a network namespace that serves and asks. */
export class Probe implements AsyncDisposable {
  readonly namespace: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  private constructor(namespace: string, child: ChildProcess) {
    this.namespace = namespace;
    this.#child = child;
    child.on("message", (message) => this.#settle(message as AskReply));
  }

  static async start(name: string, namespace: string): Promise<Probe> {
    const inside = [`--net=/run/netns/${namespace}`, "--", process.execPath, "--no-warnings", AGENT, name];
    const child = spawn("nsenter", inside, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    await once(child, "message");
    return new Probe(namespace, child);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  order(order: Order): Promise<string> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, order });
    });
  }

  serve = (port: number): Promise<string> => this.order({ type: "serve", port });

  /** @returns `NAME ADDRESS PORT`: who answered, and as whom this process was seen. */
  tcp(host: string, port: number, options: Partial<Extract<Order, { type: "tcp" }>> = {}): Promise<string> {
    return this.order({ type: "tcp", host, port, timeoutMs: TIMEOUT_MS, ...options });
  }

  udp(host: string, port: number, options: Partial<Extract<Order, { type: "udp" }>> = {}): Promise<string> {
    return this.order({ type: "udp", host, port, timeoutMs: TIMEOUT_MS, ...options });
  }

  again = (keep: string): Promise<string> => this.order({ type: "again", keep, timeoutMs: TIMEOUT_MS });

  send = (host: string, port: number, payload: Buffer): Promise<string> =>
    this.order({ type: "send", host, port, payload: payload.toString("base64") });

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }

  #settle({ id, said, failed }: AskReply): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (said !== undefined) waiting?.resolve(said);
    else waiting?.reject(new Error(failed));
  }
}
