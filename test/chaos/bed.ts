import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import type { LabHost } from "#lab/host.ts";
import { labImages, loadImages } from "#lab/images.ts";
import { Lab } from "#lab/lab.ts";
import type { Prerequisite } from "#lab/prerequisites.ts";
import { untilServing } from "#lab/serving.ts";
import { NETWORK } from "./services.ts";

/** Where Debian's package `faketime` has the library that makes a process see another time. */
const FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/** What a campaign needs besides what every lab does. */
export const FAKETIME_PREREQUISITE: Prerequisite = {
  package: "faketime",
  reason: "clocks that jump",
  isMet: () => existsSync(FAKETIME),
};
/** The disk of a daemon that can be filled. etcd takes some 130 MB of it for its log. */
const DISK = "300m";

/** A host whose disk can be filled, and whose daemon's clock can be set. */
export interface ChaosHost {
  readonly host: LabHost;
  readonly isManager: boolean;
  /** Where its daemon keeps its data: a small disk of its own. */
  readonly dataRoot: string;
  /** The daemon's clock is this many seconds away from the machine's: `+0`. */
  readonly clockFile: string;
}

export interface Bed extends AsyncDisposable {
  readonly lab: Lab;
  readonly hosts: readonly ChaosHost[];
  readonly managers: readonly LabHost[];
}

export interface BedOptions {
  readonly name: string;
  readonly managers: number;
  readonly workers: number;
}

/** Makes a lab and a cluster on it, for this process. */
export async function openBed(options: BedOptions, signal: AbortSignal): Promise<Bed> {
  await using owned = new AsyncDisposableStack();
  const count = options.managers + options.workers;
  const lab = owned.use(await Lab.start({ name: options.name, hosts: count, temporary: true }, signal));
  await loadImages(lab.hosts, await labImages(signal), signal);
  const hosts = lab.hosts.map((host, index): ChaosHost => {
    const dataRoot = join(host.data, "flotilla");
    return { host, isManager: index < options.managers, dataRoot, clockFile: join(host.data, "clock") };
  });
  await Promise.all(hosts.map((host) => startDaemon(host, signal)));
  const managers = hosts.filter(({ isManager }) => isManager).map(({ host }) => host);
  const workers = hosts.filter(({ isManager }) => !isManager).map(({ host }) => host);
  await formSwarm(managers, workers, signal);
  const kept = owned.move();
  return { lab, hosts, managers, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Gives the daemon its disk and its clock: it is started once to find out how, and then again with them. */
async function startDaemon({ host, dataRoot, clockFile }: ChaosHost, signal: AbortSignal): Promise<void> {
  mkdirSync(dataRoot, { recursive: true });
  writeFileSync(clockFile, "+0\n");
  await host.run(["mount", "-t", "tmpfs", "-o", `size=${DISK},mode=700`, "tmpfs", dataRoot], signal);
  await host.startDaemon(["-l", "debug"], signal);
  const { argv } = host.daemon;
  if (argv === undefined) throw new FlotillaError("internal", "a daemon was started without arguments");
  await host.daemon.stop(signal);
  const clock = {
    LD_PRELOAD: FAKETIME,
    FAKETIME_TIMESTAMP_FILE: clockFile,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
  const environment = Object.entries(clock).map(([name, value]) => `${name}=${value}`);
  await host.daemon.start(["env", ...environment, ...argv], signal);
  await untilServing(host.daemon, host.daemonSocket, signal);
}

async function formSwarm(
  [first, ...others]: readonly LabHost[],
  workers: readonly LabHost[],
  signal: AbortSignal,
): Promise<void> {
  if (first === undefined) throw new FlotillaError("invalid", "a cluster has at least one manager");
  await first.flotilla(["swarm", "init", "--advertise-addr", first.address], signal);
  const join = async (host: LabHost, role: "manager" | "worker") => {
    const token = (await first.flotilla(["swarm", "join-token", "--quiet", role], signal)).trim();
    await host.flotilla(["swarm", "join", "--token", token, `${first.address}:2377`], signal);
  };
  for (const host of others) await join(host, "manager");
  for (const host of workers) await join(host, "worker");
  await first.flotilla(["network", "create", "--driver", "overlay", NETWORK], signal);
}
