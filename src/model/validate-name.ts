import { FlotillaError } from "#base/errors.ts";

/** Longest name of a service or network: a DNS label. */
const MAX_DNS_LABEL = 63;
const DNS_COMPONENT = /^[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*$/;
const PAYLOAD_NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9-_.]{0,62}[a-zA-Z0-9])?$/;

/** @throws FlotillaError `invalid` unless `name` may be a service's or a network's. */
export function validateDnsName(name: string): void {
  if (name === "") throw new FlotillaError("invalid", "meta: name must be provided");
  // The length first: the pattern backtracks on long names that do not match.
  if (name.length > MAX_DNS_LABEL) {
    throw new FlotillaError(
      "invalid",
      /^[\w-]+$/.test(name) ? "name must be 63 characters or fewer" : "name must be valid as a DNS name component",
    );
  }
  if (!DNS_COMPONENT.test(name)) throw new FlotillaError("invalid", "name must be valid as a DNS name component");
}

/** @throws FlotillaError `invalid` unless `name` may be a secret's or a config's. */
export function validatePayloadName(name: string): void {
  if (name === "") throw new FlotillaError("invalid", "name must be provided");
  if (!PAYLOAD_NAME.test(name)) {
    throw new FlotillaError(
      "invalid",
      "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]",
    );
  }
}
