import type { NetworkId } from "./ids.ts";
import type { Network, Timestamp } from "./objects.ts";

/** The network of the routing mesh that every new cluster has. Source: moby daemon/cluster/convert/network.go. */
export const firstIngressNetwork = (id: NetworkId, now: Timestamp): Network => ({
  kind: "network",
  id,
  version: 0,
  createdAt: now,
  updatedAt: now,
  spec: { Name: "ingress", Labels: {}, Driver: "overlay", Ingress: true },
});
