import { overlaps, parseCidr } from "#base/ipv4.ts";
import type { NodeNetwork } from "#model/node-network.ts";
import { isBridge } from "./names.ts";

/** What `ip -json route show` prints of a route. */
export interface HostRoute {
  readonly dst: string;
  readonly dev?: string;
}

/** Why the host cannot have the network: it has a route of its own to some of the same addresses. */
export function routeConflict(
  { name, subnet }: Pick<NodeNetwork, "name" | "subnet">,
  routes: readonly HostRoute[],
): string | undefined {
  const own = parseCidr(subnet);
  const other = routes.find(({ dst, dev = "" }) => {
    const block = parseCidr(dst.includes("/") ? dst : `${dst}/32`);
    return own !== undefined && block !== undefined && block.prefix > 0 && !isBridge(dev) && overlaps(own, block);
  });
  if (other === undefined) return undefined;
  const by = other.dev === undefined ? "" : ` by ${other.dev}`;
  return (
    `network ${name} has the subnet ${subnet}, but this host reaches ${other.dst}${by}: ` +
    `make the network with another --subnet, or initialise the cluster with another --default-addr-pool`
  );
}
