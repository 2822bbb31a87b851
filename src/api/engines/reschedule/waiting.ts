import type { ApiContext } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import type { KnownContainer } from "#api/engines/container-index.ts";
import { nameOfNode } from "#api/engines/nodes.ts";
import type { Filters } from "#api/filters.ts";
import { field, textField } from "#api/raw-document.ts";
import type { MovableContainer } from "#model/objects.ts";
import { isLost } from "#plan/reschedule/movable.ts";

type Shown = Pick<KnownContainer, "id" | "nodeId" | "names" | "summary">;

/** Movable containers of lost hosts that no engine's list tells of: this manager has started since, or the node has left. */
export function waitingContainers(api: ApiContext, filters: Filters): readonly Shown[] {
  const { view } = api.membership.cluster();
  return [...view.list("container")].flatMap((movable): Shown[] => {
    const { name, place } = movable;
    if (place === undefined || !isLost(view, place.nodeId)) return [];
    if (api.mirrors.index.get(place.containerId) !== undefined) return [];
    const { nodeId, containerId: id } = place;
    if (!filters.isOneOf("node", nameOfNode(view, nodeId)) && !filters.isOneOf("node", nodeId)) return [];
    return [{ id, nodeId, names: [name], summary: summaryOf(movable, id) }];
  });
}

/** As an engine would list it. */
function summaryOf({ name, createdAt, isRunning, recipe }: MovableContainer, id: string): Json {
  const { document } = recipe;
  return {
    Id: id,
    Names: [`/${name}`],
    Image: textField(document, "Image"),
    ImageID: "",
    Command: "",
    Created: Math.floor(createdAt / 1_000),
    Ports: [],
    Labels: field(document, "Labels") ?? {},
    State: isRunning ? "running" : "exited",
    HostConfig: { NetworkMode: textField(field(document, "HostConfig"), "NetworkMode") },
    NetworkSettings: { Networks: {} },
    Mounts: [],
  };
}
