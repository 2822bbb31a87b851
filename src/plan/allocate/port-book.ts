import type { ServiceId } from "#model/ids.ts";
import type { Service } from "#model/objects.ts";
import type { PortConfig } from "#model/spec.ts";
import { UseCounts } from "./use-counts.ts";

type Protocol = PortConfig["Protocol"];

/** The ports that are given to those who ask for any. Source: fact sheet 8.4. */
const FIRST_DYNAMIC_PORT = 30_000;
const LAST_DYNAMIC_PORT = 32_767;
const DYNAMIC_PORTS = LAST_DYNAMIC_PORT - FIRST_DYNAMIC_PORT + 1;

const keyOf = (protocol: Protocol, port: number): string => `${protocol}/${port}`;
const isDynamic = (port: number): boolean => port >= FIRST_DYNAMIC_PORT && port <= LAST_DYNAMIC_PORT;

/** The ports that services publish through the routing mesh, and thereby on every node. */
export class PortBook {
  readonly #owners = new Map<string, UseCounts<ServiceId>>();
  /** Ports that tasks open on their own nodes: not reserved, but nothing to be given to others unasked. */
  readonly #onHosts = new UseCounts<string>();
  readonly #last = new Map<Protocol, number>();

  /** Notes what a service has. */
  add({ id, endpoint }: Service): void {
    for (const { Protocol, PublishedPort, PublishMode } of endpoint?.ports ?? []) {
      if (!PublishedPort) continue;
      if (PublishMode === "host") this.#onHosts.add(keyOf(Protocol, PublishedPort));
      else this.#claim(Protocol, PublishedPort, id);
    }
  }

  /** To be called once for each `add`. @returns the protocols and numbers, as `tcp/80`, that are free now. */
  remove({ id, endpoint }: Service): readonly string[] {
    return (endpoint?.ports ?? []).flatMap(({ Protocol, PublishedPort, PublishMode }) => {
      if (!PublishedPort) return [];
      const key = keyOf(Protocol, PublishedPort);
      const isFree = PublishMode === "host" ? this.#onHosts.remove(key) : this.#release(key, id);
      return isFree ? [key] : [];
    });
  }

  /** Another service that has the port. */
  otherOwner(protocol: Protocol, port: number, except: ServiceId): ServiceId | undefined {
    for (const owner of this.#owners.get(keyOf(protocol, port))?.keys() ?? []) if (owner !== except) return owner;
    return undefined;
  }

  /** The next `count` free ports of the dynamic range but for those in `except`; undefined when there are not so many. */
  next(protocol: Protocol, count: number, except: ReadonlySet<number>): readonly number[] | undefined {
    const start = (this.#last.get(protocol) ?? LAST_DYNAMIC_PORT) + 1 - FIRST_DYNAMIC_PORT;
    const found: number[] = [];
    for (let step = 0; step < DYNAMIC_PORTS && found.length < count; step++) {
      const port = FIRST_DYNAMIC_PORT + ((start + step) % DYNAMIC_PORTS);
      const key = keyOf(protocol, port);
      if (!except.has(port) && !this.#owners.has(key) && !this.#onHosts.has(key)) found.push(port);
    }
    return found.length === count ? found : undefined;
  }

  #claim(protocol: Protocol, port: number, id: ServiceId): void {
    const key = keyOf(protocol, port);
    const owners = this.#owners.get(key);
    if (owners !== undefined) {
      owners.add(id);
      return;
    }
    const first = new UseCounts<ServiceId>();
    first.add(id);
    this.#owners.set(key, first);
    if (isDynamic(port)) this.#last.set(protocol, port);
  }

  #release(key: string, id: ServiceId): boolean {
    const owners = this.#owners.get(key);
    owners?.remove(id);
    return owners?.size === 0 && this.#owners.delete(key);
  }
}
