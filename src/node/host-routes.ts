import { readFile } from "node:fs/promises";

/** The kernel's main table of IPv4 routes. Source: proc_net_route(5). */
const ROUTES = "/proc/net/route";
/** What Flotilla makes itself. */
const OWN_INTERFACE = /^fl-/;

/** Where this host's own IPv4 routes lead, in CIDR notation; none on a host that does not tell. */
export const hostRoutes = async (): Promise<readonly string[]> =>
  parseRoutes(await readFile(ROUTES, "utf8").catch(() => ""));

/**
 * The destinations in the kernel's table, each once and in order: without the default route, which leads everywhere, and
 * without what goes by interfaces of our own. The engine's other networks are among them: they can collide, too.
 */
export function parseRoutes(table: string): readonly string[] {
  const destinations = table
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t"))
    .flatMap(([device = "", destination, , , , , , mask]) => {
      if (destination === undefined || mask === undefined || OWN_INTERFACE.test(device)) return [];
      const bits = prefixLength(Number.parseInt(mask, 16));
      return bits === 0 ? [] : [`${address(Number.parseInt(destination, 16))}/${bits}`];
    });
  return [...new Set(destinations)].toSorted();
}

/** The kernel prints its 32 bits, which lie in network order, as a number of this machine: the first byte comes last. */
const address = (raw: number): string => [raw, raw >>> 8, raw >>> 16, raw >>> 24].map((byte) => byte & 0xff).join(".");

function prefixLength(mask: number): number {
  let bits = 0;
  for (let rest = mask >>> 0; rest !== 0; rest = (rest & (rest - 1)) >>> 0) bits++;
  return bits;
}
