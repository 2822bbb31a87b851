import { isIPv4 } from "node:net";
import { FlotillaError } from "#base/errors.ts";

/**
 * Where a lab's hosts live unless told otherwise. Labs do not see each other, so that all can use the same addresses.
 * Clear of the engine's own pools (172.17.0.0/12, 192.168.0.0/16) and of the first thousands of Swarm's (10.0.0.0/8).
 */
export const DEFAULT_SUBNET = "10.77.0.0/24";

/** The last usable address is the lab's own: that of a client which is none of the hosts. */
export const CLIENT_NUMBER = 254;

/**
 * The address with number `n` of a /24.
 * @throws FlotillaError `invalid` when `subnet` is none, or `n` is not from 1 to 254.
 */
export function addressOf(subnet: string, n: number): string {
  const [base = "", bits] = subnet.split("/");
  if (!isIPv4(base) || !base.endsWith(".0") || bits !== "24")
    throw new FlotillaError("invalid", `invalid lab subnet ${subnet}: give a /24, such as ${DEFAULT_SUBNET}`);
  if (!Number.isInteger(n) || n < 1 || n > CLIENT_NUMBER)
    throw new FlotillaError("invalid", `a lab has at most ${CLIENT_NUMBER - 1} hosts`);
  return base.replace(/0$/, String(n));
}
