/**
 * The MAC address that belongs to an IPv4 address: of its container, or of a node's bridge. Neighbours on other nodes are
 * told so before they ask. Source: Docker's bridge and overlay drivers, `02:42` and the address.
 */
export const macOf = (address: string): string =>
  ["02", "42", ...address.split(".").map((byte) => Number(byte).toString(16).padStart(2, "0"))].join(":");
