import type { Network, TaskNetwork, VirtualIP } from "#model/objects.ts";
import type { NetworkSpec } from "#model/spec.ts";
import type { View } from "#model/view.ts";
import { type Json, metaJson, unlessEmpty } from "./meta-json.ts";
import { driverOptions } from "./network-json.ts";

/** A service's address on a network: the `VirtualIPs` of its endpoint. */
export const virtualIPJson = (view: View, { networkId, address }: VirtualIP): Json => ({
  NetworkID: networkId,
  Addr: withPrefixLength(address, view.get("network", networkId)),
});

/** A task's address on a network, with the network: its `NetworksAttachments`. Source: fact sheet 8.3. */
export function attachmentJson(view: View, { networkId, address }: TaskNetwork): Json {
  const network = view.get("network", networkId);
  return { Network: attachedNetworkJson(network, networkId), Addresses: [withPrefixLength(address, network)] };
}

const withPrefixLength = (address: string, network: Network | undefined): string => {
  const length = network?.allocation?.subnet.split("/")[1];
  return length === undefined ? address : `${address}/${length}`;
};

/** Go's zero time. */
const NEVER = "0001-01-01T00:00:00Z";

/** Finished tasks may outlive their networks: of those only the id is left. */
function attachedNetworkJson(network: Network | undefined, id: string): Json {
  if (network === undefined) return { ID: id, Version: {}, CreatedAt: NEVER, UpdatedAt: NEVER, Spec: { Labels: null } };
  const { spec, allocation } = network;
  return {
    ...metaJson(network),
    Spec: specJson(spec),
    DriverState: { Name: spec.Driver || "overlay", Options: unlessEmpty(driverOptions(network)) },
    IPAMOptions: allocation && {
      Driver: { Name: spec.IPAM?.Driver || "default", Options: unlessEmpty(spec.IPAM?.Options) },
      Configs: [{ Subnet: allocation.subnet, Range: allocation.range, Gateway: allocation.gateway }],
    },
  };
}

const specJson = (spec: NetworkSpec): Json => ({
  Name: spec.Name,
  Labels: spec.Labels,
  DriverConfiguration: { Name: unlessEmpty(spec.Driver), Options: unlessEmpty(spec.Options) },
  IPv6Enabled: unlessEmpty(spec.EnableIPv6),
  Internal: unlessEmpty(spec.Internal),
  Attachable: unlessEmpty(spec.Attachable),
  Ingress: unlessEmpty(spec.Ingress),
  IPAMOptions: spec.IPAM && {
    Driver: { Name: unlessEmpty(spec.IPAM.Driver), Options: unlessEmpty(spec.IPAM.Options) },
    Configs: unlessEmpty(
      spec.IPAM.Config?.map(({ Subnet, IPRange, Gateway }) => ({ Subnet, Range: IPRange, Gateway })),
    ),
  },
  Scope: "swarm",
});
