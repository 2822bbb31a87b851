import { engineAddress } from "#classic/address.ts";
import { expandRange } from "./ranges.ts";

/** The addresses that a list's items stand for. @throws FlotillaError `invalid` for an item that is none. */
export function readAddresses(items: readonly string[]): ReadonlySet<string> {
  const addresses = items.flatMap((item) => expandRange(item.trim())).filter((item) => item !== "");
  for (const address of addresses) engineAddress(address);
  return new Set(addresses);
}
