import { errorCode, FlotillaError } from "#base/errors.ts";
import type { NetworkAttachmentConfig, ServiceSpec } from "#model/spec.ts";
import type { View } from "#model/view.ts";
import type { ApiContext, Call } from "./call.ts";
import { ownNetworks } from "./networks/lookup.ts";
import { resolve } from "./resolve.ts";

/** Networks that every node has of its own: a service may name them, and each node uses its own. */
export const PREDEFINED: ReadonlySet<string> = new Set(["host", "bridge", "none"]);

/**
 * The spec with the ids of the networks that it names by id, name or the beginning of an id. The deprecated list counts
 * only where the task has none of its own.
 * @throws FlotillaError `not_found`; `invalid` for an ambiguous name; `forbidden` for a network of this host alone.
 */
export async function withNetworkIds(api: ApiContext, call: Call, view: View, spec: ServiceSpec): Promise<ServiceSpec> {
  const resolveAll = (networks: readonly NetworkAttachmentConfig[]) =>
    Promise.all(
      networks.map(async (network) => ({ ...network, Target: await networkId(api, call, view, network.Target ?? "") })),
    );
  const { TaskTemplate, Networks } = spec;
  if (TaskTemplate.Networks?.length) {
    return { ...spec, TaskTemplate: { ...TaskTemplate, Networks: await resolveAll(TaskTemplate.Networks) } };
  }
  return Networks?.length ? { ...spec, Networks: await resolveAll(Networks) } : spec;
}

async function networkId(api: ApiContext, call: Call, view: View, target: string): Promise<string> {
  if (PREDEFINED.has(target)) return target;
  try {
    return resolve(view, "network", target).id;
  } catch (err) {
    if (errorCode(err) === "not_found") await refuseLocalNetwork(api, call, target);
    throw err;
  }
}

/** @throws FlotillaError `forbidden` when an engine has such a network: other nodes have not. */
async function refuseLocalNetwork(api: ApiContext, call: Call, target: string): Promise<void> {
  const own = await ownNetworks(api, call).catch(() => []);
  const local = own.find(({ network: { Id, Name } }) => Name === target || Id.startsWith(target))?.network;
  if (local === undefined) return;
  throw new FlotillaError(
    "forbidden",
    `The network ${local.Name} cannot be used with services. Only networks scoped to the swarm can be used, such as those created with the overlay driver.`,
  );
}
