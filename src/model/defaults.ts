/** Every default of the product that Docker's API does not carry in its requests, with unit and source. */

const SECOND_MS = 1_000;

/** Restart delay. Source: swarmkit api/defaults/service.go. */
export const RESTART_DELAY_MS = 5 * SECOND_MS;
/** How long a replacement waits for the task it replaces to stop. Source: swarmkit restart.go, fact sheet 3.4. */
export const RESTART_OLD_TASK_WAIT_MS = 60 * SECOND_MS;
/** How long an updated task is watched for failure. Source: swarmkit api/defaults/service.go. */
export const UPDATE_MONITOR_MS = 5 * SECOND_MS;
/** Slots updated at once. Source: swarmkit api/defaults/service.go. */
export const UPDATE_PARALLELISM = 1;
/** Time between SIGTERM and SIGKILL. Source: swarmkit api/defaults/service.go. */
export const STOP_GRACE_MS = 10 * SECOND_MS;
/** Tasks kept per slot, the live one included. Source: fact sheet 3.5. */
export const TASK_HISTORY_LIMIT = 5;
/** Failures of a service on one node, within the window, that make the scheduler prefer others. Source: fact sheet 5.2. */
export const MAX_NODE_FAILURES = 5;
export const NODE_FAILURE_WINDOW_MS = 5 * 60 * SECOND_MS;

/**
 * Docker's agents beat once per `Dispatcher.HeartbeatPeriod` (5 s, which the CLI always sends) and are down after three
 * misses, so a lost host is noticed after about 16 s. Ours beat this many times per period ...
 */
export const HEARTBEATS_PER_PERIOD = 5;
/** ... and are down after this many misses: 4 s by default, so that the tasks of a lost host run elsewhere within 6 s. */
export const HEARTBEAT_GRACE = 4;
/** The period when the cluster's spec has none. Source: swarmkit api/defaults/cluster.go. */
export const HEARTBEAT_PERIOD_MS = 5 * SECOND_MS;
/** After a manager (re)starts, nodes are given this many times the usual time to come back. Source: fact sheet 6.3. */
export const UNKNOWN_GRACE = 2;
/** A down node's tasks are given up after this. Source: fact sheet 3.7. */
export const ORPHAN_AFTER_MS = 24 * 60 * 60 * SECOND_MS;

/** Life of a node's certificate. Source: fact sheet 7.2. */
export const NODE_CERT_EXPIRY_MS = 90 * 24 * 60 * 60 * SECOND_MS;

/** Secret and config payloads must be smaller than this. Source: fact sheet 1.9. */
export const MAX_SECRET_BYTES = 512_000;
export const MAX_CONFIG_BYTES = 1_024_000;

/** TCP port between daemons. Source: Docker. */
export const CLUSTER_PORT = 2377;
export const DATA_PATH_PORT = 4789;
export const DEFAULT_ADDR_POOL = ["10.0.0.0/8"] as const;
export const SUBNET_SIZE = 24;

/** Nanoseconds, as Docker's API has them, to milliseconds. */
export const nsToMs = (ns: number): number => ns / 1_000_000;
export const msToNs = (ms: number): number => ms * 1_000_000;
