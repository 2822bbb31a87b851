import { aborted } from "#base/abort.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { readAddresses } from "./address-list.ts";
import type { Discovery } from "./discovery.ts";

/**
 * `nodes://h1:2375,10.0.0.[1:20]:2375`: the list itself.
 * @throws FlotillaError `invalid` for an item that is no address.
 */
export function nodesDiscovery(list: string): Discovery {
  const addresses = readList(list);
  return {
    async *watch(signal) {
      yield addresses;
      await aborted(signal);
    },
    async register() {
      throw new FlotillaError(
        "unimplemented",
        "nodes:// is a list that does not change: add the engine where the manager is started, or use etcd:// or token://",
      );
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function readList(list: string): ReadonlySet<string> {
  try {
    return readAddresses(list.split(","));
  } catch (cause) {
    const message = `${errorMessage(cause)}. Or begin the discovery with file://, token:// or etcd://`;
    throw new FlotillaError("invalid", message, { cause });
  }
}
