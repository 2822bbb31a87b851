import { FlotillaError } from "#base/errors.ts";
import { execute, type Finished } from "#lab/command.ts";
import type { EngineSettings } from "#lab/engine.ts";
import type { LabHost } from "#lab/host.ts";
import type { ImageSpec } from "#lab/image-archive.ts";
import { labImages, loadImages } from "#lab/images.ts";
import { Lab } from "#lab/lab.ts";
import { missing, PREREQUISITES, type Prerequisite } from "#lab/prerequisites.ts";
import { until } from "#lab/until.ts";

/** Why no lab can be made here; "" when one can. */
const obstacle = (needed: readonly Prerequisite[]): string =>
  process.getuid?.() !== 0
    ? "needs root"
    : missing(needed)
        .map((prerequisite) => `needs Debian's package ${prerequisite.package}`)
        .join(", ");

/**
 * For `test`: a scene that cannot run, because something is not installed, is skipped; but not where the tests have to
 * count. The time is there to end what hangs; a machine may be as slow as it likes.
 */
export function sceneWith(extra: readonly Prerequisite[]): { readonly timeout: number; readonly skip: string | false } {
  const why = obstacle([...PREREQUISITES, ...extra]);
  return { timeout: 300_000, skip: process.env["CI"] === undefined && why !== "" && why };
}

/** For a scene that needs nothing but the lab. */
export const scene = sceneWith([]);

export const { signal } = new AbortController();

export interface ClusterOptions {
  /** The lab's name: a-z and 0-9. */
  readonly name: string;
  readonly hosts: number;
  /** The first host makes the swarm, the others join as workers. Default: true. */
  readonly formed?: boolean;
  readonly engine?: EngineSettings;
  /** Flags of every daemon, besides those that every lab's have. */
  readonly daemon?: readonly string[];
  /** Besides those that every lab has. */
  readonly images?: readonly ImageSpec[];
}

/** Hosts with daemons, in one swarm. */
export interface Cluster extends AsyncDisposable {
  readonly lab: Lab;
  readonly manager: LabHost;
  readonly workers: readonly LabHost[];
}

/** Makes a lab for this test, and takes it down at the end of the scope. */
export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  const { hosts, engine = {}, daemon = [], formed = true, images = [] } = options;
  await using owned = new AsyncDisposableStack();
  const lab = owned.use(
    await Lab.start({ name: `${options.name}${process.pid}`, hosts, engine, temporary: true }, signal),
  );
  await loadImages(lab.hosts, [...(await labImages(signal)), ...images], signal);
  await Promise.all(lab.hosts.map((host) => host.startDaemon(["-l", "debug", ...daemon], signal)));
  const [manager, ...workers] = lab.hosts;
  if (manager === undefined) throw new FlotillaError("invalid", "a cluster has at least one host");
  if (formed) await formSwarm(manager, workers);
  const kept = owned.move();
  return { lab, manager, workers, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Docker's own commands. */
export async function formSwarm(manager: LabHost, workers: readonly LabHost[]): Promise<void> {
  await manager.flotilla(["swarm", "init", "--advertise-addr", manager.address], signal);
  const token = (await manager.flotilla(["swarm", "join-token", "--quiet", "worker"], signal)).trim();
  await Promise.all(
    workers.map((host) => host.flotilla(["swarm", "join", "--token", token, `${manager.address}:2377`], signal)),
  );
}

/** Runs the `docker` client against a host's daemon, to its end, whatever its exit code. */
export const docker = (host: LabHost, ...argv: readonly string[]): Promise<Finished> =>
  execute({ argv: ["docker", "--host", `unix://${host.daemonSocket}`, ...argv] }, signal);

/** The same, for a command that has to succeed: what it printed, without the line end. */
export const say = async (host: LabHost, ...argv: readonly string[]): Promise<string> =>
  (await host.flotilla(argv, signal)).trimEnd();

/** Waits until `look` gives something else than undefined or false. What it throws counts as "not yet". */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs = 30_000,
): Promise<T> {
  let last: unknown = "it never held";
  const tryLook = async () => {
    try {
      return await look();
    } catch (err) {
      last = err;
      return undefined;
    }
  };
  return until(what, withinMs, tryLook, signal).catch((cause: unknown) => {
    throw new Error(`${what}: not within ${withinMs} ms`, { cause: cause ?? last });
  });
}
