import type { Identity } from "#wire/identity.ts";
import { certifiedAddresses } from "./addresses.ts";

/**
 * Whether the node's certificate names the address that it advertises, where the other members of the managers' store
 * expect it to. One that was made before the node had this address, or by an older version, does not.
 */
export const namesAddress = ({ certificates: [certificate] }: Identity, advertiseAddr: string): boolean =>
  certifiedAddresses(advertiseAddr).every((address) => certificate.checkIP(address) !== undefined);
