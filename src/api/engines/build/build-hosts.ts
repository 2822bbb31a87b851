import { withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import type { NodeId } from "#model/ids.ts";

/** How long calls for a build wait for the build: clients make them at about the same time. Source: fact sheet 12.3. */
const BUILD_MS = 5_000;
/** The same for connections that may be for no build, since there are clients that drive this host's builder themselves. */
const SOME_BUILD_MS = 1_000;
/** Names whose last build is remembered, and ids of builds that are over. */
const MOST_REMEMBERED = 10_000;

/** The hosts on which builds are made, for the further calls that clients make for them. */
export class BuildHosts {
  readonly #clock: Clock;
  readonly #hosts = new Map<string, NodeId>();
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #over = new Set<string>();
  readonly #lastHosts = new Map<string, NodeId>();
  #hasOtherBuilds = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Says where a build is made, by the ids by which others will speak of it. */
  begin(ids: readonly string[], nodeId: NodeId): void {
    for (const id of ids) {
      this.#hosts.set(id, nodeId);
      this.#wake(id);
    }
  }

  /** Says that builds with these ids are over, or that there will be none: nobody is to wait for them. */
  end(ids: readonly string[]): void {
    for (const id of ids) {
      this.#hosts.delete(id);
      this.#over.delete(id);
      this.#over.add(id);
      this.#wake(id);
    }
    dropOldest(this.#over);
  }

  /** The host of a build that there is, or that begins within the next seconds; undefined when none does. */
  async hostOf(id: string, signal: AbortSignal): Promise<NodeId | undefined> {
    const known = this.#hosts.get(id);
    if (known !== undefined || this.#over.has(id)) return known;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting.add(resolve));
    try {
      const ms = this.#hasOtherBuilds ? SOME_BUILD_MS : BUILD_MS;
      await withDeadline(this.#clock, ms, "the build", signal, () => promise).catch(() => signal.throwIfAborted());
    } finally {
      waiting.delete(resolve);
      if (waiting.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id);
    }
    return this.#hosts.get(id);
  }

  /** Says that a client drives the builder of this host's engine itself: its sessions belong to no build here. */
  noteOtherBuilds(): void {
    this.#hasOtherBuilds = true;
  }

  /** Where an image of one of these names was built last: the builder there remembers its steps. */
  lastHostOf(names: readonly string[]): NodeId | undefined {
    for (const name of names) {
      const host = this.#lastHosts.get(name);
      if (host !== undefined) return host;
    }
    return undefined;
  }

  remember(names: readonly string[], nodeId: NodeId): void {
    for (const name of names) {
      this.#lastHosts.delete(name);
      this.#lastHosts.set(name, nodeId);
    }
    dropOldest(this.#lastHosts);
  }

  #wake(id: string): void {
    for (const wake of this.#waiting.get(id) ?? []) wake();
  }
}

/** Of a set or map, whose keys are in the order in which they came. */
function dropOldest(remembered: Set<string> | Map<string, unknown>): void {
  for (const oldest of remembered.keys()) {
    if (remembered.size <= MOST_REMEMBERED) return;
    remembered.delete(oldest);
  }
}
