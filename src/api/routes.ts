import { backUp, reconnect, restore } from "./backup.ts";
import type { Handler } from "./call.ts";
import { createConfig, inspectConfig, listConfigs, removeConfig, updateConfig } from "./configs.ts";
import { createContainer, listContainersOf, removeContainer } from "./containers.ts";
import { listenEvents } from "./events.ts";
import { sendImageArchive } from "./image-archive.ts";
import { createImage, listImagesOf } from "./images.ts";
import { serviceLogs, taskLogs } from "./logs.ts";
import { connectNetwork, disconnectNetwork } from "./networks/connect.ts";
import { createNetwork } from "./networks/create.ts";
import { inspectNetwork } from "./networks/inspect.ts";
import { listNetworks } from "./networks/list.ts";
import { pruneNetworks } from "./networks/prune.ts";
import { removeNetwork } from "./networks/remove.ts";
import { inspectNode, listNodes, removeNode, updateNode } from "./nodes.ts";
import { createSecret, inspectSecret, listSecrets, removeSecret, updateSecret } from "./secrets.ts";
import { createService, inspectService, listServices, removeService, updateService } from "./services.ts";
import { initSwarm, inspectSwarm, joinSwarm, leaveSwarm, unlockKey, unlockSwarm, updateSwarm } from "./swarm.ts";
import { info, ping, version } from "./system.ts";
import { inspectTask, listTasks } from "./tasks.ts";
import { explainName } from "./why.ts";

export interface Route {
  readonly method: "GET" | "HEAD" | "POST" | "DELETE";
  readonly path: string;
  readonly handle: Handler;
  /** The API version that brought it; older clients are told that it does not exist. */
  readonly since?: string;
}

/** The calls that are answered here. Every other one is the engine's. Source: fact sheet 10.1. */
export const ROUTES: readonly Route[] = [
  { method: "GET", path: "/_ping", handle: ping },
  { method: "HEAD", path: "/_ping", handle: ping },
  { method: "GET", path: "/version", handle: version },
  { method: "GET", path: "/info", handle: info },
  { method: "GET", path: "/events", handle: listenEvents },

  { method: "POST", path: "/swarm/init", handle: initSwarm },
  { method: "POST", path: "/swarm/join", handle: joinSwarm },
  { method: "POST", path: "/swarm/leave", handle: leaveSwarm },
  { method: "GET", path: "/swarm", handle: inspectSwarm },
  { method: "POST", path: "/swarm/update", handle: updateSwarm },
  { method: "GET", path: "/swarm/unlockkey", handle: unlockKey },
  { method: "POST", path: "/swarm/unlock", handle: unlockSwarm },

  { method: "GET", path: "/nodes", handle: listNodes },
  { method: "GET", path: "/nodes/:id", handle: inspectNode },
  { method: "POST", path: "/nodes/:id/update", handle: updateNode },
  { method: "DELETE", path: "/nodes/:id", handle: removeNode },

  { method: "GET", path: "/services", handle: listServices },
  { method: "GET", path: "/services/:id", handle: inspectService },
  { method: "POST", path: "/services/create", handle: createService },
  { method: "POST", path: "/services/:id/update", handle: updateService },
  { method: "DELETE", path: "/services/:id", handle: removeService },
  { method: "GET", path: "/services/:id/logs", handle: serviceLogs },

  { method: "GET", path: "/tasks", handle: listTasks },
  { method: "GET", path: "/tasks/:id", handle: inspectTask },
  { method: "GET", path: "/tasks/:id/logs", handle: taskLogs },

  { method: "GET", path: "/secrets", handle: listSecrets, since: "1.25" },
  { method: "GET", path: "/secrets/:id", handle: inspectSecret, since: "1.25" },
  { method: "POST", path: "/secrets/create", handle: createSecret, since: "1.25" },
  { method: "POST", path: "/secrets/:id/update", handle: updateSecret, since: "1.25" },
  { method: "DELETE", path: "/secrets/:id", handle: removeSecret, since: "1.25" },

  { method: "GET", path: "/configs", handle: listConfigs, since: "1.30" },
  { method: "GET", path: "/configs/:id", handle: inspectConfig, since: "1.30" },
  { method: "POST", path: "/configs/create", handle: createConfig, since: "1.30" },
  { method: "POST", path: "/configs/:id/update", handle: updateConfig, since: "1.30" },
  { method: "DELETE", path: "/configs/:id", handle: removeConfig, since: "1.30" },

  { method: "GET", path: "/networks", handle: listNetworks },
  { method: "GET", path: "/networks/", handle: listNetworks },
  { method: "GET", path: "/networks/:id", handle: inspectNetwork },
  { method: "POST", path: "/networks/create", handle: createNetwork },
  { method: "POST", path: "/networks/prune", handle: pruneNetworks, since: "1.25" },
  { method: "POST", path: "/networks/:id/connect", handle: connectNetwork },
  { method: "POST", path: "/networks/:id/disconnect", handle: disconnectNetwork },
  { method: "DELETE", path: "/networks/:id", handle: removeNetwork },

  // The engine's, but for places on networks of the cluster.
  { method: "GET", path: "/containers/json", handle: listContainersOf },
  { method: "POST", path: "/containers/create", handle: createContainer },
  { method: "DELETE", path: "/containers/:id", handle: removeContainer },

  { method: "GET", path: "/images/json", handle: listImagesOf },
  { method: "POST", path: "/images/create", handle: createImage },

  // Not Docker's: commands of `flotilla` ask these.
  { method: "GET", path: "/flotilla/why/:name", handle: explainName },
  { method: "GET", path: "/flotilla/backup", handle: backUp },
  { method: "POST", path: "/flotilla/restore", handle: restore },
  { method: "POST", path: "/flotilla/reconnect", handle: reconnect },

  // Other daemons ask this.
  { method: "GET", path: "/flotilla/images/archive", handle: sendImageArchive },
];

/** Path heads that are the cluster's alone: what is no route under them must not reach the engine's own swarm mode. */
const CLUSTER_PATH = /^\/(?:swarm|nodes|services|tasks|secrets|configs|flotilla)(?:[/?]|$)/;

export const isClusterPath = (target: string): boolean => CLUSTER_PATH.test(target);

/** Whether a route shows the cluster's objects. */
export const readsCluster = ({ path }: Route): boolean => isClusterPath(path) || path.startsWith("/networks");
