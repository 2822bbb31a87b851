import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { tmpfsMounter } from "#agent/tmpfs.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { backoffMs } from "#base/retry.ts";
import type { HostPort } from "#node/addresses.ts";
import type { NodePaths } from "#node/paths.ts";
import type { CurrentIdentity, Identity } from "#wire/identity.ts";
import {
  type Beginning,
  beginningArguments,
  CLIENT_SOCKET,
  type EtcdSettings,
  etcdArguments,
  peerAddress,
  peerUrlOf,
} from "./arguments.ts";
import { certificateFile, trustFile, writeCertificates } from "./certificates.ts";
import { EtcdProcess } from "./process.ts";

/** Waits before etcd is started again. It may be out for less than its peers need to hold an election. */
const RESTART = { firstMs: 100, mostMs: 10_000 } as const;
/** A process that ran this long worked. */
const WORKED_MS = 10_000;
/** Members that have to read new roots do so one after the other, by chance: their restarts take much less than this. */
const NEW_ROOTS_WITHIN_MS = 10_000;
/** etcd's last words when the other members have removed it. Source: etcdserver/server.go. */
const REMOVED = "the member has been permanently removed from the cluster";

export interface EtcdMemberDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly identity: CurrentIdentity;
  readonly paths: Pick<NodePaths, "etcd" | "etcdLog" | "etcdRun">;
  readonly listen: HostPort;
  readonly advertise: HostPort;
}

interface Parts {
  readonly deps: EtcdMemberDeps;
  readonly settings: EtcdSettings;
  readonly shown: Identity;
  readonly life: AbortSignal;
}

/**
 * Whether this node's etcd has data, and with them its place among the members. One that did not get as far as to become
 * a member leaves directories behind, and would begin a cluster of its own in them: only the log counts.
 */
export const hasEtcdData = ({ etcd }: Pick<NodePaths, "etcd">): boolean => existsSync(join(etcd, "member", "wal"));

/**
 * This node's part of the managers' etcd: a process that is kept running. It ends with the manager. A manager that fails
 * and a daemon that is killed leave it to the next one: the other managers' majority may depend on it.
 */
export class EtcdMember implements AsyncDisposable {
  readonly #deps: EtcdMemberDeps;
  readonly #settings: EtcdSettings;
  readonly #life: AbortSignal;
  /** The one that etcd has the certificate of. */
  #shown: Identity;
  #process: EtcdProcess;

  private constructor({ deps, settings, shown, life }: Parts, process: EtcdProcess) {
    this.#deps = deps;
    this.#settings = settings;
    this.#shown = shown;
    this.#life = life;
    this.#process = process;
  }

  /**
   * Starts the member, or takes over the one that runs. Does not wait until it answers.
   * @param beginning of a new member, or of one that is to start over; another goes on with its data.
   * @param life of the manager: disposal stops the process when it has aborted.
   */
  static async start(deps: EtcdMemberDeps, beginning: Beginning | undefined, life: AbortSignal): Promise<EtcdMember> {
    const settings = settingsOf(deps);
    const shown = deps.identity.current;
    const parts = { deps, settings, shown, life };
    const { etcdRun: runDir } = deps.paths;
    const newRoots = await writeCertificates({ runDir, mounter: tmpfsMounter }, shown, life);
    const place = placeOf(deps);
    const running = await EtcdProcess.adopt(place, etcdArguments(settings));
    if (running !== undefined && beginning === undefined && !newRoots) {
      deps.log.info({ pid: running.pid }, "etcd is running, taken over");
      return new EtcdMember(parts, running);
    }
    await running?.stop();
    // What a new member finds is left of an earlier try, or of another cluster.
    const isNew = beginning?.type === "alone" || beginning?.type === "joining";
    if (isNew) await rm(settings.dataDir, { recursive: true, force: true });
    const added = beginning === undefined ? [] : beginningArguments(settings, beginning);
    const process = await EtcdProcess.start(place, etcdArguments(settings), added);
    deps.log.info({ pid: process.pid, beginning: beginning?.type }, "etcd started");
    return new EtcdMember(parts, process);
  }

  /** The path of the API's socket. It is there once the member listens. */
  get socket(): string {
    return join(this.#deps.paths.etcdRun, CLIENT_SOCKET);
  }

  /** Where the other members find it. */
  get peerUrl(): string {
    return this.#settings.peerUrl;
  }

  /**
   * Starts the process again when it ends, until `signal` aborts; the process then goes on.
   * @throws FlotillaError `precondition` when the other members removed it; `unavailable` when it has ended without
   * having become a member.
   */
  async supervise(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#deps;
    for (let failures = 0; ; ) {
      const startedAt = clock.now();
      await this.#process.ended(signal);
      const { logTail } = this.#process;
      if (logTail.includes(REMOVED)) {
        // A manager that is promoted again before it has heard of its demotion joins as a new member.
        await rm(this.#settings.dataDir, { recursive: true, force: true });
        throw new FlotillaError("precondition", "this manager was removed from the store that the managers share");
      }
      if (!hasEtcdData(this.#deps.paths)) {
        throw new FlotillaError("unavailable", `etcd did not become a member: ${lastLine(logTail)}`);
      }
      failures = clock.now() - startedAt >= WORKED_MS ? 1 : failures + 1;
      log.error({ failures, words: lastLine(logTail) }, "etcd has ended, starting it again");
      await clock.sleep(backoffMs(RESTART, failures, random), signal);
      this.#process = await EtcdProcess.start(placeOf(this.#deps), etcdArguments(this.#settings), []);
    }
  }

  /** Gives etcd each new certificate of this node, and has it read new roots. Runs until `signal` aborts. */
  async followIdentity(signal: AbortSignal): Promise<void> {
    const { identity } = this.#deps;
    const changes = identity.changes(signal);
    // It may have changed while the process was started.
    if (identity.current !== this.#shown) await this.#show(identity.current, signal);
    for await (const current of changes) await this.#show(current, signal);
  }

  async #show(identity: Identity, signal: AbortSignal): Promise<void> {
    const { clock, random, log, paths } = this.#deps;
    const newRoots = await writeCertificates({ runDir: paths.etcdRun, mounter: tmpfsMounter }, identity, signal);
    this.#shown = identity;
    if (!newRoots) return;
    await clock.sleep(random.next() * NEW_ROOTS_WITHIN_MS, signal);
    log.info({}, "etcd starts again, to trust the cluster's new root");
    await this.#process.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#life.aborted) await this.#process.stop();
  }
}

function settingsOf({ identity, paths, listen, advertise }: EtcdMemberDeps): EtcdSettings {
  return {
    name: identity.current.nodeId,
    clusterId: identity.current.clusterId,
    dataDir: paths.etcd,
    listenPeers: peerAddress(listen),
    peerUrl: peerUrlOf(advertise),
    certificateFile: certificateFile(paths.etcdRun),
    trustFile: trustFile(paths.etcdRun),
  };
}

const placeOf = ({ clock, paths }: EtcdMemberDeps) => ({ clock, runDir: paths.etcdRun, log: paths.etcdLog });

const lastLine = (text: string): string => text.slice(text.lastIndexOf("\n") + 1);
