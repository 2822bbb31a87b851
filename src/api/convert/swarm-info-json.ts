import type { LocalNode } from "#api/membership.ts";
import type { View } from "#model/view.ts";
import { clusterInfoJson } from "./cluster-json.ts";
import { type Json, unlessEmpty } from "./meta-json.ts";

/** Docker's own words to those who run two managers. Source: moby daemon/cluster/swarm.go. */
const TWO_MANAGERS = `WARNING: Running Swarm in a two-manager configuration. This configuration provides
         no fault tolerance, and poses a high risk to lose control over the cluster.
         Refer to https://docs.docker.com/engine/swarm/admin_guide/ to configure the
         Swarm for fault-tolerance.`;

/**
 * The `Swarm` section of `/info`. Source: fact sheet 10.5.
 * @param view the cluster, on a manager that serves it.
 * @param trouble why a manager cannot tell of its cluster; shown when the node has no error of its own.
 */
export function swarmInfoJson(local: LocalNode, view: View | undefined, trouble: string): Json {
  let managers = 0;
  if (view) for (const node of view.list("node")) if (node.manager) managers++;
  return {
    NodeID: local.nodeId,
    NodeAddr: local.nodeAddr,
    LocalNodeState: local.state,
    ControlAvailable: view !== undefined,
    Error: local.error || trouble,
    RemoteManagers: local.remoteManagers?.map(({ nodeId, addr }) => ({ NodeID: nodeId, Addr: addr })) ?? null,
    Nodes: view && unlessEmpty(view.count("node")),
    Managers: unlessEmpty(managers),
    Cluster: view?.cluster && clusterInfoJson(view.cluster),
    Warnings: managers === 2 ? [TWO_MANAGERS] : undefined,
  };
}
