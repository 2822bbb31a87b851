import { FlotillaError } from "#base/errors.ts";
import type { ContainerEndpoint } from "#engine/host-config.ts";
import type { NetworkId } from "#model/ids.ts";
import { macOf } from "#model/mac-address.ts";
import type { NodeNetwork } from "#model/node-network.ts";
import type { Task } from "#model/objects.ts";

/** A task's place on a network of its node. */
export interface TaskPlace extends ContainerEndpoint {
  readonly networkId: NetworkId;
}

/**
 * A task's places on networks, that of its default route first: the ingress network, since answers of a published port
 * go back the way that the questions came; else the first that leads out of the cluster.
 * @throws FlotillaError `unavailable` while a manager has not told of all its networks.
 */
export function taskPlaces(task: Task, network: (id: NetworkId) => NodeNetwork | undefined): readonly TaskPlace[] {
  const found = (task.networks ?? []).map(({ networkId, address }) => {
    const known = network(networkId);
    if (known !== undefined) return { network: known, address };
    throw new FlotillaError("unavailable", `waiting for a manager to send network ${networkId}`);
  });
  return found
    .toSorted((a, b) => detour(a.network) - detour(b.network))
    .map(({ network: { id, name, address: nameServer }, address }, index) => ({
      networkId: id,
      network: name,
      settings: { IPAMConfig: { IPv4Address: address }, MacAddress: macOf(address), ...(index === 0 && FIRST) },
      nameServer,
    }));
}

/** Its default route goes by it, where the engine lets itself be told. */
const FIRST = { GwPriority: 1 } as const;

const detour = ({ ingress, internal }: NodeNetwork): number => (ingress ? 0 : internal ? 2 : 1);

/**
 * The gateway that a container's default route has to be given once it runs; undefined when the engine chooses it by
 * itself. Engines before API 1.48 take the network whose name comes first.
 */
export function gatewayToSet(places: readonly TaskPlace[]): string | undefined {
  const [first, ...others] = places;
  if (first === undefined) return undefined;
  return others.every(({ network }) => first.network < network) ? undefined : first.nameServer;
}
