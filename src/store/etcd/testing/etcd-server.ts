import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "#base/clock.ts";
import { EtcdClient } from "#store/etcd/client.ts";
import type { EtcdEndpoint } from "#store/etcd/endpoint.ts";
import { TRANSACTION_ENTRIES } from "#store/etcd/transaction.ts";

export interface EtcdServerOptions {
  readonly name?: string;
  /** Where it listens for other members; a socket, for those that stay alone, when absent. */
  readonly peerUrl?: string;
  /** Members as etcd's --initial-cluster wants them; when given, the server joins them. */
  readonly cluster?: string;
  readonly flags?: readonly string[];
}

/** A real etcd in a directory of its own, which goes with it. Clients reach it by a socket. */
export class EtcdServer implements AsyncDisposable {
  readonly directory: string;
  readonly endpoint: EtcdEndpoint;
  readonly #arguments: readonly string[];
  #process: ChildProcess | undefined;

  static async start(options: EtcdServerOptions = {}): Promise<EtcdServer> {
    const server = new EtcdServer(await mkdtemp(join(tmpdir(), "flotilla-etcd-")), options);
    try {
      await server.start();
      return server;
    } catch (err) {
      await server[Symbol.asyncDispose]();
      throw err;
    }
  }

  private constructor(directory: string, { name = "one", peerUrl, cluster, flags = [] }: EtcdServerOptions) {
    this.directory = directory;
    // etcd takes the "host" of such a URL for a path, which is relative to its working directory.
    this.endpoint = { socket: join(directory, "client:0") };
    const advertised = peerUrl ?? "http://127.0.0.1:2380";
    this.#arguments = [
      `--name=${name}`,
      `--data-dir=${join(directory, "data")}`,
      "--listen-client-urls=unix://client:0",
      "--advertise-client-urls=unix://client:0",
      `--listen-peer-urls=${peerUrl ?? "unix://peer:0"}`,
      `--initial-advertise-peer-urls=${advertised}`,
      `--initial-cluster=${cluster ?? `${name}=${advertised}`}`,
      `--initial-cluster-state=${cluster?.includes(",") ? "existing" : "new"}`,
      "--heartbeat-interval=50",
      "--election-timeout=500",
      `--max-txn-ops=${TRANSACTION_ENTRIES}`,
      "--logger=zap",
      "--log-level=error",
      ...flags,
    ];
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Starts it, anew if need be, and waits until it answers. */
  async start(): Promise<void> {
    // etcd does not take over the sockets that it has left behind.
    for (const socket of ["client:0", "peer:0"]) await rm(join(this.directory, socket), { force: true });
    const process = spawn("etcd", this.#arguments, { cwd: this.directory, stdio: ["ignore", "ignore", "pipe"] });
    this.#process = process;
    let output = "";
    process.stderr.on("data", (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4_000);
    });
    for (let tries = 0; !(await this.#answers()); tries++) {
      if (process.exitCode !== null || tries === 200) throw new Error(`etcd does not start: ${output}`);
      await pause(50);
    }
  }

  /** Ends it as a power loss does. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Stops or goes on with all that it does, like a machine that hangs. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end("SIGKILL");
    await rm(this.directory, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return;
    const exit = once(process, "exit");
    process.kill(signal);
    await exit;
  }

  async #answers(): Promise<boolean> {
    using client = new EtcdClient(this.endpoint, systemClock);
    try {
      await client.call(
        { what: "asking for the state", ms: 1_000, alone: true },
        AbortSignal.any([]),
        (member, options) => member.maintenance.status({}, options),
      );
      return true;
    } catch {
      return false;
    }
  }
}
