import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { writeFileAtomic } from "#base/atomic-file.ts";
import type { Clock } from "#base/clock.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { identify, isAlive, type ProcessIdentity, signalProcess } from "#base/process-identity.ts";
import { CLIENT_SOCKET } from "./arguments.ts";

/** The program, on the daemon's PATH. */
const PROGRAM = "etcd";
/** How long it may take to end when it is asked to, before it is killed: it hands its leadership on first. */
const STOP_MS = 5_000;
/** How often to look whether a process that is not our child still runs. */
const LOOK_MS = 200;
/** The log begins anew, at a start, when it is longer. */
const MAX_LOG_BYTES = 4 * 1024 * 1024;
const TAIL_BYTES = 4_096;

/** What is kept of a running process for the daemon that comes after this one. */
interface ProcessRecord extends ProcessIdentity {
  /** Its arguments, but for those of its beginning. */
  readonly argv: readonly string[];
  /** Bytes in its log before its own first line. */
  readonly logStart: number;
}

interface Deps {
  readonly clock: Clock;
  /** Where it runs and has its socket; only the daemon's user may enter. */
  readonly runDir: string;
  readonly log: string;
}

/**
 * An etcd that runs. It is in a session of its own and writes to a file, so it outlives the daemon that started it; a
 * daemon that ends in order stops it.
 */
export class EtcdProcess {
  readonly #deps: Deps;
  readonly #record: ProcessRecord;

  private constructor(deps: Deps, record: ProcessRecord) {
    this.#deps = deps;
    this.#record = record;
  }

  /** The one that runs with just these arguments, if there is one. Another one is stopped: it is in the way. */
  static async adopt(deps: Deps, argv: readonly string[]): Promise<EtcdProcess | undefined> {
    const record = readRecord(deps);
    if (record === undefined || !isAlive(record)) return undefined;
    const process = new EtcdProcess(deps, record);
    if (isDeepStrictEqual(record.argv, argv)) return process;
    await process.stop();
    return undefined;
  }

  /**
   * @param beginning arguments for this start only.
   * @throws FlotillaError `precondition` when etcd is not installed.
   */
  static async start(deps: Deps, argv: readonly string[], beginning: readonly string[]): Promise<EtcdProcess> {
    mkdirSync(deps.runDir, { recursive: true, mode: 0o700 });
    mkdirSync(dirname(deps.log), { recursive: true, mode: 0o700 });
    // One that was killed has left it behind, and etcd does not take it over.
    rmSync(join(deps.runDir, CLIENT_SOCKET), { force: true });
    if (sizeOf(deps.log) > MAX_LOG_BYTES) truncateSync(deps.log);
    const logStart = sizeOf(deps.log);
    const log = openSync(deps.log, "a", 0o600);
    try {
      const child = spawn(PROGRAM, [...argv, ...beginning], {
        detached: true,
        stdio: ["ignore", log, log],
        cwd: deps.runDir,
        env: environment(),
      });
      await new Promise<void>((resolve, reject) => child.once("spawn", resolve).once("error", reject));
      child.unref();
      // What has ended already is known by its pid alone: it will be found to be gone.
      const identity = identify(child.pid ?? 0) ?? { pid: child.pid ?? 0, startTime: "" };
      const record: ProcessRecord = { ...identity, argv, logStart };
      await writeFileAtomic(recordPath(deps), JSON.stringify(record), 0o600);
      return new EtcdProcess(deps, record);
    } catch (cause) {
      throw new FlotillaError(
        "precondition",
        `cannot start etcd, which several managers need (${errorMessage(cause)}): install it (Debian: etcd-server)`,
        { cause },
      );
    } finally {
      closeSync(log);
    }
  }

  get pid(): number {
    return this.#record.pid;
  }

  get isRunning(): boolean {
    return isAlive(this.#record);
  }

  /** The end of what it printed since it was started. */
  get logTail(): string {
    try {
      const own = readFileSync(this.#deps.log).subarray(this.#record.logStart);
      return own.subarray(-TAIL_BYTES).toString("utf8").trimEnd();
    } catch {
      return "";
    }
  }

  /** Resolves when it has ended. */
  async ended(signal: AbortSignal): Promise<void> {
    while (this.isRunning) await this.#deps.clock.sleep(LOOK_MS, signal);
  }

  /** Asks it to end, and kills it when it does not. */
  async stop(): Promise<void> {
    const { clock } = this.#deps;
    const patience = AbortSignal.any([]);
    signalProcess(this.#record, "SIGTERM");
    signalProcess(this.#record, "SIGCONT");
    for (let waitedMs = 0; this.isRunning; waitedMs += LOOK_MS / 10) {
      if (waitedMs >= STOP_MS) signalProcess(this.#record, "SIGKILL");
      await clock.sleep(LOOK_MS / 10, patience);
    }
  }
}

/** Whether etcd is on the daemon's PATH. */
export const isEtcdInstalled = (): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((directory) => existsSync(join(directory, PROGRAM)));

const recordPath = ({ runDir }: Deps): string => join(runDir, "process.json");

function readRecord(deps: Deps): ProcessRecord | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(recordPath(deps), "utf8"));
    return isRecord(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

const isRecord = (value: unknown): value is ProcessRecord =>
  typeof value === "object" &&
  value !== null &&
  "pid" in value &&
  typeof value.pid === "number" &&
  "startTime" in value &&
  typeof value.startTime === "string" &&
  "argv" in value &&
  Array.isArray(value.argv) &&
  "logStart" in value &&
  typeof value.logStart === "number";

/**
 * The daemon's own, but for what etcd would take for settings. On arm64, etcd 3.4 wants to be told that this is meant.
 * Source: etcd's documentation, "Supported platforms".
 */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("ETCD_"));
  return { ...Object.fromEntries(kept), ...(process.arch === "arm64" && { ETCD_UNSUPPORTED_ARCH: "arm64" }) };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
