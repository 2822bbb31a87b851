import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "#lab/command.ts";
import { CpuShare } from "./cpu-share.ts";
import type { Figure } from "./figure.ts";
import { create, type Hosts, onHost, type Place, remove, type Sizes, SLEEPER, start } from "./single-containers.ts";
import { best, milliseconds } from "./statistics.ts";

/** The part of an engine's own speed that is asked for is 0.8. */
const SLOWER = 1 / 0.8;
/** Client, manager, agent and engine, each with a processor's part that none of the others can have, and some to spare. */
const SHARE = Math.min(1, availableParallelism() / 5);

/** One way to move much, with the client's own arguments. @param at options for the manager alone. */
interface Way {
  readonly name: string;
  readonly argv: (place: Place, id: string, directory: string, at: readonly string[]) => readonly string[];
}

const WAYS: readonly Way[] = [
  {
    name: "copied into a container",
    argv: (_place, id, directory) => ["cp", join(directory, "large"), `${id}:/large`],
  },
  { name: "copied out of a container", argv: (_place, id) => ["cp", `${id}:/large`, "-"] },
  {
    name: "sent as a build's context",
    argv: (_place, _id, directory, at) => ["build", "--quiet", "--no-cache", ...at, directory],
  },
];

/**
 * Moves a large file with the `docker` CLI, in turns through the manager and at the engine: to the manager's own host, and
 * to another one. There client, manager, agent and engine have to share the processors of this machine, of which hosts
 * would each have some of their own: so that is measured once more with a share for each.
 */
export async function measureCopies(
  hosts: Hosts,
  { bytes, copies }: Sizes,
  signal: AbortSignal,
): Promise<readonly Figure[]> {
  const { manager, near, far } = hosts;
  using files = new LargeFile(bytes);
  const size = `${(bytes / 1e9).toLocaleString("en")} GB`;
  const figures: Figure[] = [];
  for (const [place, where, isShared] of [
    [near, "on the manager's host", false],
    [far, "on another host", false],
    [far, "on another host, a part of a processor each", true],
  ] as const) {
    using _shares = isShared ? shareOut(hosts) : undefined;
    const id = await create(manager, { ...SLEEPER, Env: onHost(place.name) }, signal);
    await start(manager, id, signal);
    for (const { name, argv } of WAYS) {
      const at = onHost(place.name).flatMap((constraint) => ["--build-arg", constraint]);
      const docker = (socket: string, options: readonly string[]) =>
        milliseconds(() => runDocker(socket, argv(place, id, files.directory, options), signal));
      const times = { ours: [] as number[], theirs: [] as number[] };
      for (let turn = 0; turn < copies; turn++) {
        times.theirs.push(await docker(place.socket, []));
        times.ours.push(await docker(hosts.managerSocket, at));
      }
      figures.push({
        name: `${size} ${name} ${where}`,
        unit: "s",
        ours: best(times.ours) / 1_000,
        baseline: { name: "engine", value: best(times.theirs) / 1_000 },
        ...((place === near || isShared) && { target: { ratio: SLOWER } }),
      });
    }
    await remove(manager, id, signal);
  }
  return figures;
}

/** What is written to the standard output is thrown away. The classic builder is sent its whole context. */
const runDocker = (socket: string, argv: readonly string[], signal: AbortSignal): Promise<string> =>
  run(
    {
      argv: ["sh", "-c", 'exec docker "$@" > /dev/null', "sh", "--host", `unix://${socket}`, ...argv],
      env: { DOCKER_BUILDKIT: "0" },
    },
    signal,
  );

/** Holds all who take part to a share of a processor each. The client is started by this process. */
function shareOut({ near, far }: Hosts): Disposable {
  const shares = new DisposableStack();
  for (const [name, pid] of [
    ["client", process.pid],
    ["manager", near.pids.daemon],
    ["agent", far.pids.daemon],
    ["engine", far.pids.engine],
  ] as const) {
    shares.use(new CpuShare(name, pid, SHARE));
  }
  return shares;
}

/** A directory with a file of zeros, from which an image can be built. */
class LargeFile implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "flotilla-bench-"));

  constructor(bytes: number) {
    const path = join(this.directory, "large");
    writeFileSync(path, "");
    truncateSync(path, bytes);
    writeFileSync(join(this.directory, "Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n");
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true });
  }
}
