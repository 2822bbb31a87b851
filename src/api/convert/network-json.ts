import { isOlder } from "#api/api-version.ts";
import type { Network } from "#model/objects.ts";
import type { Labels } from "#model/spec.ts";
import { type Json, rfc3339, unlessEmpty } from "./meta-json.ts";

/** Where Docker's overlay driver shows a network's VXLAN identifiers. */
const VNI_OPTION = "com.docker.network.driver.overlay.vxlanid_list";
/** Why the network is not as it should be: Docker's JSON has no place of its own for that. */
const PROBLEM_OPTION = "io.flotilla.problem";

/** What Docker's JSON of a network says besides its name and id, wherever it is known from. */
export interface NetworkFacts {
  readonly id: string;
  readonly name: string;
  readonly created: string;
  readonly driver: string;
  readonly enableIPv6: boolean;
  readonly ipam: Json;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly ingress: boolean;
  readonly options: Labels | null;
  readonly labels: Labels | null;
}

/** Docker's JSON of a network that a cluster has, in its order of fields. Source: moby api/types/network. */
export const renderNetwork = (facts: NetworkFacts, version: string, containers: Json | null = null): Json => ({
  Name: facts.name,
  Id: facts.id,
  Created: facts.created,
  Scope: "swarm",
  Driver: facts.driver,
  EnableIPv4: isOlder(version, "1.48") ? undefined : true,
  EnableIPv6: facts.enableIPv6,
  IPAM: facts.ipam,
  Internal: facts.internal,
  Attachable: facts.attachable,
  Ingress: facts.ingress,
  ConfigFrom: { Network: "" },
  ConfigOnly: false,
  Containers: containers,
  Options: facts.options,
  Labels: facts.labels,
});

/** A network as the cluster's store has it. */
export const networkFacts = (network: Network): NetworkFacts => ({
  id: network.id,
  name: network.spec.Name,
  created: rfc3339(network.createdAt),
  driver: network.spec.Driver || "overlay",
  enableIPv6: network.spec.EnableIPv6 ?? false,
  ipam: ipamJson(network),
  internal: network.spec.Internal ?? false,
  attachable: network.spec.Attachable ?? false,
  ingress: network.spec.Ingress ?? false,
  options: unlessEmpty(driverOptions(network)) ?? null,
  labels: unlessEmpty(network.spec.Labels) ?? null,
});

/** Before its subnet is allocated, a network has no address management at all. */
const ipamJson = ({ spec, allocation }: Network): Json =>
  allocation === undefined
    ? { Driver: "", Options: null, Config: null }
    : {
        Driver: spec.IPAM?.Driver || "default",
        Options: unlessEmpty(spec.IPAM?.Options) ?? null,
        Config: [{ Subnet: allocation.subnet, IPRange: allocation.range, Gateway: allocation.gateway }],
      };

/** The client's options and what the allocator adds to them. */
export const driverOptions = ({ spec, allocation, problem }: Network): Labels => ({
  ...spec.Options,
  ...(allocation && vniOption(allocation.vni)),
  ...(problem !== undefined && { [PROBLEM_OPTION]: problem }),
});

export const vniOption = (vni: number): Labels => ({ [VNI_OPTION]: String(vni) });
