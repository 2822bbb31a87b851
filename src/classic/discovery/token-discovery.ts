import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "#base/atomic-file.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { parseHostPort } from "#classic/address.ts";
import type { Discovery, DiscoveryDeps } from "./discovery.ts";
import { poll } from "./poll.ts";

/** Everybody may read the directory: addresses are no secret. */
const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o644;

/**
 * `token:///shared/TOKEN`: a directory on a file system that all hosts share, with a file for each engine. Its name is
 * the engine's address, and it holds the time until which the engine is said to be there, as ISO 8601. The hosts' clocks
 * have to agree to within a heartbeat.
 *
 * Docker's own service for tokens was shut down in 2019.
 */
export function tokenDiscovery(place: string, deps: DiscoveryDeps): Discovery {
  if (!/^\/.*[^/]$/.test(place)) {
    throw new FlotillaError(
      "invalid",
      `token://${place} would need Docker's discovery service, which was shut down in 2019: give a directory that all hosts share, token:///SHARED/TOKEN, or use etcd://`,
    );
  }
  return {
    watch: (signal) => poll(deps, () => readDirectory(place, deps), signal),
    async register(addr, ttlMs) {
      const until = new Date(deps.clock.now() + ttlMs).toISOString();
      try {
        await mkdir(place, { recursive: true, mode: DIRECTORY_MODE });
        await writeFileAtomic(join(place, addr), `${until}\n`, FILE_MODE);
      } catch (cause) {
        const message = `cannot register ${addr} in ${place}: ${errorMessage(cause)}`;
        throw new FlotillaError("unavailable", message, { cause });
      }
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** Before the first engine has registered there is no directory. */
async function readDirectory(place: string, { clock }: DiscoveryDeps): Promise<ReadonlySet<string>> {
  try {
    const names = await readdir(place).catch(unlessMissing((): string[] => []));
    const addresses = names.filter((name) => parseHostPort(name) !== undefined);
    const ends = await Promise.all(addresses.map((name) => endOf(join(place, name))));
    const now = clock.now();
    return new Set(addresses.filter((_, index) => (ends[index] ?? 0) > now));
  } catch (cause) {
    throw new FlotillaError("unavailable", `cannot read the engines' addresses: ${errorMessage(cause)}`, { cause });
  }
}

/** NaN for a file that says no time. */
async function endOf(path: string): Promise<number> {
  return Date.parse((await readFile(path, "utf8").catch(unlessMissing(() => ""))).trim());
}

const unlessMissing =
  <T>(instead: () => T) =>
  (err: unknown): T => {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return instead();
    throw err;
  };
