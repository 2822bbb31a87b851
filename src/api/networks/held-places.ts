import type { ApiContext, Call } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { isAttachment } from "#api/convert/network-members-json.ts";
import { askEngine } from "#api/engine-json.ts";
import { asObject, field } from "#api/raw-document.ts";
import { errorMessage } from "#base/errors.ts";
import type { NodeService } from "#model/node-network.ts";
import type { Place } from "./attach.ts";

type Held = Pick<Place, "taskId">;

/**
 * The places on networks of the cluster (or on one of them) that were given to a container of this node; none for one
 * that the engine does not know.
 */
export async function placesHeldBy(
  api: ApiContext,
  call: Call,
  container: string,
  networkId?: string,
): Promise<readonly Held[]> {
  const given = placesGivenHere(api);
  if (given.length === 0) return [];
  const addresses = await addressesOf(api, call, container);
  const isHeld = ({ endpoints }: NodeService) =>
    endpoints.some((endpoint) =>
      Object.entries(endpoint.addresses).some(
        ([id, address]) => addresses.has(address) && (networkId === undefined || id === networkId),
      ),
    );
  return given.filter(isHeld).map(({ id }) => ({ taskId: id }));
}

function placesGivenHere(api: ApiContext): readonly NodeService[] {
  const { nodeId } = api.membership.local;
  const given: NodeService[] = [];
  for (const object of api.membership.attachments.objects()) {
    if (object.kind !== "node-service" || !isAttachment(object)) continue;
    if (object.endpoints.some((endpoint) => endpoint.nodeId === nodeId)) given.push(object);
  }
  return given;
}

/** Those that it has, and while it does not run those that it will have. */
async function addressesOf(api: ApiContext, call: Call, container: string): Promise<ReadonlySet<unknown>> {
  const path = `/containers/${encodeURIComponent(container)}/json`;
  const inspected = await askEngine(api, call, path).catch((): Json => ({}));
  const networks = Object.values(asObject(field(field(inspected, "NetworkSettings"), "Networks")));
  return new Set(
    networks.flatMap((network) => [field(network, "IPAddress"), field(field(network, "IPAMConfig"), "IPv4Address")]),
  );
}

/** Gives places back. One that cannot be given back now is noticed by the agent later. */
export async function detachAll(api: ApiContext, places: readonly Held[]): Promise<void> {
  for (const { taskId } of places) {
    try {
      await api.membership.attachments.detach(taskId, api.signal);
    } catch (err) {
      api.log.debug({ taskId, reason: errorMessage(err) }, "a place on a network was not given back yet");
    }
  }
}
