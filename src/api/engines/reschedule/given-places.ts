import type { NodeId } from "#model/ids.ts";
import type { MovableContainer, Task } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import type { View } from "#model/view.ts";
import type { GivenPlace } from "./recipe.ts";

/** The place on a network of the cluster that a container of a node has; undefined for a network of its engine's own. */
export function givenPlace(view: View, nodeId: NodeId, name: string, address: string): GivenPlace | undefined {
  const network = view.byName("network", name);
  const gateway = network && view.get("node", nodeId)?.attachments?.[network.id];
  if (network?.spec.Name !== name || gateway === undefined) return undefined;
  const holder = attachmentsOf(view, nodeId).find((task) => holds(task, network.id, address));
  return { gateway, isAddressWanted: (holder?.spec.Networks?.[0]?.Addresses ?? []).length > 0 };
}

/** Takes back the places that a movable container has on networks of the cluster: what it had is another's from then on. */
export function releasePlaces(view: View, { place, recipe }: MovableContainer): readonly Operation[] {
  if (place === undefined) return [];
  const held = Object.entries(recipe.addresses).flatMap(([name, address]) => {
    const network = view.byName("network", name);
    return network === undefined
      ? []
      : attachmentsOf(view, place.nodeId).filter((task) => holds(task, network.id, address));
  });
  return [...new Set(held)].map(({ id, version }) => ({ type: "delete", kind: "task", id, expect: version }));
}

const attachmentsOf = (view: View, nodeId: NodeId): readonly Task[] =>
  [...view.tasksOfNode(nodeId)].filter(({ spec }) => spec.NetworkAttachmentSpec !== undefined);

const holds = ({ networks = [] }: Task, networkId: string, address: string): boolean =>
  networks.some((place) => place.networkId === networkId && place.address === address);
