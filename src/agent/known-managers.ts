import { createHash } from "node:crypto";

/** A manager as an agent knows it. */
export interface ManagerAddress {
  /** `host:port`. */
  readonly addr: string;
  /** Whether the manager that told of it thought that it was alive. */
  readonly live: boolean;
}

interface Entry {
  readonly live: boolean;
  /** Failures in a row. */
  failures: number;
}

/**
 * The managers that an agent may turn to, and which to try next: one of those that failed least often since they last
 * worked, and of these one that is alive. A lost manager is not asked again before every other one was.
 *
 * Among equals each node has an order of its own, which only depends on their addresses: so nodes are spread evenly, and
 * when a manager comes or goes, no more nodes move than have to.
 */
export class KnownManagers {
  readonly #nodeId: string;
  readonly #own: () => string | undefined;
  #managers: Map<string, Entry>;

  /** @param own the manager of this very node, which it prefers to all others. */
  constructor(nodeId: string, addrs: readonly string[], own: () => string | undefined) {
    this.#nodeId = nodeId;
    this.#own = own;
    this.#managers = new Map(addrs.map((addr) => [addr, { live: true, failures: 0 }]));
  }

  get addrs(): readonly string[] {
    return [...this.#managers.keys()];
  }

  /** Takes over the list that a manager sent. An empty one says nothing. @returns whether other addresses are on it. */
  replace(managers: readonly ManagerAddress[]): boolean {
    if (managers.length === 0) return false;
    const known = this.#managers;
    const changed = managers.length !== known.size || managers.some(({ addr }) => !known.has(addr));
    this.#managers = new Map(
      managers.map(({ addr, live }) => {
        const before = known.get(addr);
        // One that is back from the dead has not failed yet.
        const failures = live && before?.live === false ? 0 : (before?.failures ?? 0);
        return [addr, { live, failures }];
      }),
    );
    return changed;
  }

  /** The manager to try now; undefined when none is known. */
  next(): string | undefined {
    const [first] = [...this.#managers].sort(([a, one], [b, other]) => {
      if (one.failures !== other.failures) return one.failures - other.failures;
      if (one.live !== other.live) return one.live ? -1 : 1;
      return this.#rank(a) < this.#rank(b) ? -1 : 1;
    });
    return first?.[0];
  }

  succeeded(addr: string): void {
    const entry = this.#managers.get(addr);
    if (entry !== undefined) entry.failures = 0;
  }

  failed(addr: string): void {
    const entry = this.#managers.get(addr);
    if (entry !== undefined) entry.failures++;
  }

  /** Rendezvous hashing: the lowest is this node's first choice. */
  #rank(addr: string): string {
    if (addr === this.#own()) return "";
    return createHash("sha256").update(`${this.#nodeId} ${addr}`).digest("hex");
  }
}
