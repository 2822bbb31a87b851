import { isIPv6 } from "node:net";
import { FlotillaError } from "#base/errors.ts";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port`, with an IPv6 address in brackets. Undefined for anything else. */
export function parseHostPort(text: string): HostPort | undefined {
  const [, bracketed, plain, digits = ""] = /^(?:\[([^\]]+)\]|([^:/[\]@\s]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  const host = bracketed ?? plain;
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  return bracketed === undefined || isIPv6(bracketed) ? { host, port } : undefined;
}

/** The same for an address that must be one. @throws FlotillaError `invalid` */
export function engineAddress(text: string): HostPort {
  const address = parseHostPort(text);
  if (address !== undefined) return address;
  throw new FlotillaError("invalid", `${JSON.stringify(text)} is no engine's address: write HOST:PORT`);
}
