import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import type { Clock } from "#base/clock.ts";
import { RESOLV_CONF_AGE_MS } from "./limits.ts";

/** The addresses of `nameserver` lines, in order. Source: resolv.conf(5). */
export const parseResolvConf = (text: string): readonly string[] =>
  text
    .split("\n")
    .map((line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? "")
    .filter((address) => isIP(address) !== 0);

/** The name servers that this host uses. Looks into the file only when somebody asks, at most once a second. */
export class HostResolvers {
  readonly #clock: Clock;
  readonly #path: string;
  #readAt = Number.NEGATIVE_INFINITY;
  #resolvers: Promise<readonly string[]> = Promise.resolve([]);

  constructor(clock: Clock, path: string) {
    this.#clock = clock;
    this.#path = path;
  }

  /** None when the file is missing: the C library would ask this host itself, but nobody has said that one listens. */
  list(): Promise<readonly string[]> {
    const now = this.#clock.now();
    if (Math.abs(now - this.#readAt) >= RESOLV_CONF_AGE_MS) {
      this.#readAt = now;
      this.#resolvers = readFile(this.#path, "utf8").then(parseResolvConf, () => []);
    }
    return this.#resolvers;
  }
}
