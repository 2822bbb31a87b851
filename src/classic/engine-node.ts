import { FlotillaError } from "#base/errors.ts";
import { describeNode, type InfoResponse, type PluginResponse } from "#engine/describe.ts";
import type { NodeId } from "#model/ids.ts";
import type { Node, NodeStatus, Timestamp } from "#model/objects.ts";

/** The parts of an engine's `GET /info` that make a node of it. */
export interface EngineInfo extends InfoResponse {
  readonly ID: string;
  readonly Driver: string;
  readonly KernelVersion: string;
  readonly OperatingSystem: string;
  /** Managers of clusters have it, engines do not. */
  readonly SystemStatus?: unknown;
}

/** What an engine says of itself. */
export interface EngineAnswer {
  readonly info: EngineInfo;
  readonly plugins: readonly PluginResponse[];
}

/**
 * Whether it is an engine on which containers may be placed.
 * @throws FlotillaError `precondition` that says why it is none.
 */
export function checkEngine({ ID, NCPU, MemTotal, SystemStatus }: EngineInfo): void {
  if (Array.isArray(SystemStatus)) {
    throw new FlotillaError("precondition", "it is the manager of a cluster itself: name a Docker Engine");
  }
  if (!ID || !(NCPU > 0) || !(MemTotal > 0)) {
    throw new FlotillaError("precondition", "it does not tell its id, processors and memory: is it a Docker Engine?");
  }
}

const SPEC = { Role: "worker", Availability: "active" } as const;
const COMMON = {
  kind: "node",
  version: 0,
  specVersion: 0,
  role: "worker",
  certificate: { role: "worker", state: "issued" },
} as const;

/** An engine that could not be taken in yet, under its address. */
export const pendingNode = (addr: string, reason: string, now: Timestamp): Node => ({
  ...COMMON,
  id: addr,
  createdAt: now,
  updatedAt: now,
  spec: { ...SPEC, Labels: {} },
  engineAddr: addr,
  status: { state: "unknown", addr: "", since: now, message: reason },
});

/**
 * An engine of the cluster. Its id is the engine's own; constraints see what classic Swarm showed them besides the
 * engine's labels. Source: fact sheet classic-swarm 4.
 */
export const engineNode = (
  addr: string,
  { info, plugins }: EngineAnswer,
  status: NodeStatus,
  now: Timestamp,
): Node & { readonly id: NodeId } => ({
  ...COMMON,
  id: info.ID,
  createdAt: now,
  updatedAt: now,
  spec: {
    ...SPEC,
    Labels: {
      storagedriver: info.Driver,
      kernelversion: info.KernelVersion,
      operatingsystem: info.OperatingSystem,
    },
  },
  engineAddr: addr,
  description: describeNode(info, plugins),
  status,
});
