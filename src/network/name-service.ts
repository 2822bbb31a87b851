import type { Clock } from "#base/clock.ts";
import type { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { NetworkId } from "#model/ids.ts";
import type { NetworkObject } from "#model/node-network.ts";
import type { NetworkChange } from "./data-plane.ts";
import { createNameServer, type NameServer } from "./dns/name-server.ts";
import { Names } from "./dns/names.ts";

/** What a data plane needs of the name server. */
export interface NameService extends AsyncDisposable {
  /** Replaces all that was said before; takes effect at once, as `change` does. */
  reset(objects: Iterable<NetworkObject>): void;
  change(changes: readonly NetworkChange[]): void;
  /** Answers on exactly these addresses. @returns the networks whose address cannot be had, and why. */
  listen(addresses: ReadonlyMap<NetworkId, string>): Promise<ReadonlyMap<NetworkId, FlotillaError>>;
}

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The name servers that the container with this address asked for; undefined when it asked for none. */
  readonly resolversFor: (address: string) => readonly string[] | undefined;
}

/** The names of the cluster's networks, on this process's own network namespace. */
export function createNameService(deps: Deps): NameService {
  const resolversFor = (_networkId: NetworkId, address: string) => deps.resolversFor(address) ?? [];
  const server: NameServer = createNameServer({ ...deps, resolversFor });
  let names = new Names();
  server.setNames(names);
  return {
    reset(objects) {
      names = new Names();
      for (const object of objects) names.update(object);
      server.setNames(names);
    },
    change(changes) {
      for (const change of changes) {
        if (change.type === "update") names.update(change.object);
        else names.remove(change.kind, change.id);
      }
    },
    listen: (addresses) => server.listen(addresses),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
