import type { Transcript } from "../transcript.ts";
import { containers } from "./containers.ts";
import { clusterEvents } from "./events.ts";
import { jobs } from "./jobs.ts";
import { serviceLogs } from "./logs.ts";
import {
  attachments,
  networkErrors,
  networkLife,
  networkLists,
  networkOptions,
  serviceNetworks,
  taskNetworks,
} from "./networks.ts";
import { nodeInspection, nodeLists, nodeUpdates } from "./nodes.ts";
import { configs, secrets } from "./secrets.ts";
import { failedUpdates, serviceLife, serviceTrouble } from "./service-life.ts";
import { serviceDocuments, serviceErrors, serviceLists, serviceOptions } from "./services.ts";
import { overlayStacks, stacks } from "./stacks.ts";
import { beforeSwarm, swarmInit, swarmLeave, workerRefusals } from "./swarm-init.ts";
import { swarmSettings } from "./swarm-settings.ts";
import { system } from "./system.ts";
import { tasks } from "./tasks.ts";

/**
 * All of them, from a host without a swarm to a host without a swarm. The jobs come late, because Docker 20.10 never
 * forgets the tasks of a removed one.
 */
export const TRANSCRIPTS: readonly Transcript[] = [
  beforeSwarm,
  swarmInit,
  workerRefusals,
  system,
  nodeLists,
  nodeInspection,
  nodeUpdates,
  secrets,
  configs,
  serviceOptions,
  serviceErrors,
  serviceDocuments,
  serviceLists,
  serviceLife,
  serviceTrouble,
  failedUpdates,
  tasks,
  containers,
  serviceLogs,
  clusterEvents,
  stacks,
  networkOptions,
  networkErrors,
  networkLists,
  serviceNetworks,
  taskNetworks,
  attachments,
  networkLife,
  jobs,
  overlayStacks,
  swarmSettings,
  swarmLeave,
];
