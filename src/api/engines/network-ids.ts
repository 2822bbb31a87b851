import type { Json } from "#api/convert/meta-json.ts";
import { asObject, field, textField } from "#api/raw-document.ts";
import { contains, parseCidr, parseIpv4 } from "#base/ipv4.ts";
import type { View } from "#model/view.ts";

/**
 * A listed or inspected container with the ids of the cluster's networks, as `docker network ls` shows them: its engine
 * tells those of its own bridges. Clients that compare the two would otherwise take it for a container on other networks.
 */
export function withNetworkIds(view: View, container: Json): Json {
  const settings = asObject(container["NetworkSettings"]);
  const networks = Object.entries(asObject(settings["Networks"]));
  if (networks.length === 0) return container;
  const Networks = Object.fromEntries(
    networks.map(([name, endpoint]) => {
      const NetworkID = clusterNetworkId(view, name, endpoint);
      return [name, NetworkID === undefined ? endpoint : { ...asObject(endpoint), NetworkID }];
    }),
  );
  return { ...container, NetworkSettings: { ...settings, Networks } };
}

/** An engine may have a network of its own that is called like one of the cluster: the address tells them apart. */
function clusterNetworkId(view: View, name: string, endpoint: unknown): string | undefined {
  const network = view.byName("network", name);
  const subnet = network?.allocation && parseCidr(network.allocation.subnet);
  const address = textField(field(endpoint, "IPAMConfig"), "IPv4Address") || textField(endpoint, "IPAddress");
  const number = parseIpv4(address);
  const isThere = network?.spec.Name === name && subnet && number !== undefined && contains(subnet, number);
  return isThere ? network.id : undefined;
}
