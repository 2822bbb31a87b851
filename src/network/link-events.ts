import { keyOf } from "./links/link-fact.ts";

/** What `ip monitor` is asked for: devices, addresses, neighbours (with those of bridges), settings. */
export const LINK_EVENTS: readonly string[] = ["ip", "monitor", "link", "address", "neigh", "netconf"];

/** How soon an event must be looked after. */
export type Urgency = "now" | "soon";

/** Whether an entry (a key of `LinkFact`) is wanted with this value; undefined asks whether it is not wanted at all. */
export type IsWanted = (key: string, value: string | undefined) => boolean;

/**
 * Whether a line of `ip monitor` can mean that something of ours is not as it should be. Devices are urgent: a bridge or
 * a container may just have come. What agrees with what is wanted is our own doing, and neighbours that the kernel
 * learns by itself come and go all the time.
 */
export function linkEventUrgency(line: string, isWanted: IsWanted): Urgency | undefined {
  const isDeleted = line.startsWith("Deleted ");
  const entry = entryOf(line.replace(/^Deleted /, ""));
  if (entry !== undefined) return isWanted(entry.key, isDeleted ? undefined : entry.value) ? undefined : "soon";
  if (/^(Deleted )?\d+: /.test(line) && /\bfl-(br|vx)\d/.test(line)) return "now";
  return /^inet fl-br\d/.test(line) ? "soon" : undefined;
}

/** The entry that a line tells of, and what it is now: undefined when it has become useless. */
function entryOf(line: string): { readonly key: string; readonly value: string | undefined } | undefined {
  const [, bridge = "", address] = /^\d+: (fl-br\d+) +inet (\S+\/32) /.exec(line) ?? [];
  if (address !== undefined) return { key: keyOf("address", `${address} dev ${bridge}`), value: "" };
  const [, other = "", tunnel = "", mac = "", state] =
    /^(\S+) dev (fl-vx\d+) (?:lladdr (\S+) )?(NOARP PERMANENT|PERMANENT|FAILED)\s*$/.exec(line) ?? [];
  if (state === "NOARP PERMANENT") return { key: keyOf("forwarding", `${mac} dev ${tunnel}`), value: `dst ${other}` };
  if (state === undefined) return undefined;
  const value = state === "PERMANENT" ? `lladdr ${mac}` : undefined;
  return { key: keyOf("neighbour", `${other} dev ${tunnel}`), value };
}
