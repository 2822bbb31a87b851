/** What is answered for the whole cluster: only managers load it, since its code is a part of a worker's memory. */

export { bringImage } from "./bring-image.ts";
export { clusterInfo } from "./cluster-info.ts";
export { createInCluster } from "./create-container.ts";
export { createNetworkInCluster } from "./create-network.ts";
export { findContainer } from "./find-container.ts";
export { clusterHandler } from "./handlers.ts";
export { containersElsewhere, listHostNetworks, namedOnHost, networkOnHost, networksOfHost } from "./host-networks.ts";
export { listImages } from "./images.ts";
export { listContainers } from "./list-containers.ts";
export { importImage } from "./load.ts";
export { locate } from "./locate.ts";
export { pullImage } from "./pull.ts";
export { reschedule } from "./reschedule/reschedule.ts";
