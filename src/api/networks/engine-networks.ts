import type { ApiContext, Call } from "#api/call.ts";
import { askEngine } from "#api/engine-json.ts";
import { NETWORK_LABEL } from "#engine/container-body.ts";
import type { NodeId } from "#model/ids.ts";
import type { Labels } from "#model/spec.ts";

/** A network as the engine shows it: what is not listed here is passed on as it came. */
export interface EngineNetwork {
  readonly Id: string;
  readonly Name: string;
  readonly Created: string;
  readonly Labels?: Labels | null;
  readonly IPAM?: { readonly Config?: readonly { readonly Subnet?: string; readonly Gateway?: string }[] | null };
  readonly ConfigOnly?: boolean;
  readonly Containers?: Readonly<Record<string, unknown>> | null;
  /** Of a network that belongs to one of several hosts: which one. */
  readonly Node?: unknown;
}

/** A network that belongs to the engine of one node. */
export interface HostNetwork {
  readonly nodeId: NodeId;
  readonly network: EngineNetwork;
}

/** The engine's networks by their part: its own, and those that stand for networks of the cluster. */
export interface EngineNetworks {
  readonly own: readonly EngineNetwork[];
  readonly bridges: readonly EngineNetwork[];
}

/** @param filters as the client sent them. @throws FlotillaError as the engine refuses them. */
export async function listEngineNetworks(api: ApiContext, call: Call, filters = ""): Promise<EngineNetworks> {
  const query = filters === "" ? "" : `?filters=${encodeURIComponent(filters)}`;
  const found = (await askEngine<readonly EngineNetwork[] | null>(api, call, `/networks${query}`)) ?? [];
  return {
    own: found.filter((network) => clusterIdOf(network) === undefined),
    bridges: found.filter((network) => clusterIdOf(network) !== undefined),
  };
}

/** The bridges that stand for networks of the cluster, or for one of them. */
export async function listBridges(api: ApiContext, call: Call, networkId?: string): Promise<readonly EngineNetwork[]> {
  const label = networkId === undefined ? NETWORK_LABEL : `${NETWORK_LABEL}=${networkId}`;
  return (await listEngineNetworks(api, call, JSON.stringify({ label: [label] }))).bridges;
}

/** The network of the cluster that an engine's network stands for. */
export const clusterIdOf = (network: EngineNetwork): string | undefined => network.Labels?.[NETWORK_LABEL];

/** Networks that every engine has, and words that stand for them. Source: moby daemon/network/network_mode_unix.go. */
export const isBuiltin = (name: string): boolean => ["bridge", "host", "none", "default"].includes(name);
