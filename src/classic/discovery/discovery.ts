import type { Clock } from "#base/clock.ts";

/** Where the addresses of a cluster's engines are kept. */
export interface Discovery extends AsyncDisposable {
  /**
   * The addresses (`host:port`) of all engines: at once, and again whenever they may have changed, until `signal` aborts.
   * @throws FlotillaError `unavailable` when they cannot be had, `invalid` for what is no list of addresses. What was
   * given last is still the best that is known; another watch may succeed later.
   */
  watch(signal: AbortSignal): AsyncIterable<ReadonlySet<string>>;
  /**
   * Says that there is an engine at this address, for the next `ttlMs`.
   * @throws FlotillaError `unimplemented` where people keep the list by hand; `unavailable` when it cannot be said now.
   */
  register(addr: string, ttlMs: number, signal: AbortSignal): Promise<void>;
}

/** What all kinds of discovery are opened with. */
export interface DiscoveryDeps {
  readonly clock: Clock;
  /** How often to look where changes are not told. */
  readonly heartbeatMs: number;
  /** `--discovery-opt`: see `etcd-place.ts`. */
  readonly options: ReadonlyMap<string, string>;
}
