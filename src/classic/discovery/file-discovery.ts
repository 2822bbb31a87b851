import { readFile } from "node:fs/promises";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { readAddresses } from "./address-list.ts";
import type { Discovery, DiscoveryDeps } from "./discovery.ts";
import { poll } from "./poll.ts";

/**
 * `file:///path`: a file with one address or range per line, read again at every heartbeat. What follows a `#` is a
 * comment.
 */
export function fileDiscovery(path: string, deps: DiscoveryDeps): Discovery {
  return {
    watch: (signal) => poll(deps, () => readList(path), signal),
    async register() {
      throw new FlotillaError("unimplemented", `add the engine to ${path} by hand, or use etcd:// or token://`);
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function readList(path: string): Promise<ReadonlySet<string>> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new FlotillaError("unavailable", `cannot read the engines' addresses: ${errorMessage(cause)}`, { cause });
  });
  return readAddresses(text.split("\n").map((line) => line.replace(/#.*/, "")));
}
