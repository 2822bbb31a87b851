import type { ApiContext } from "#api/call.ts";
import { findNeeds, localNeeds } from "#api/engines/local-needs.ts";
import type { Reservation } from "#api/engines/placements.ts";
import type { Placing } from "#plan/place/filters.ts";
import type { PlacementHost } from "#plan/place/host.ts";
import { place } from "#plan/place/place.ts";
import type { BuildRequest } from "./build-request.ts";

/**
 * Chooses the host for a build, and keeps room for it there: as for a container, but that the host comes first where an
 * image of that name was built last.
 * @throws FlotillaError `unavailable` that says which condition no host fulfils.
 */
export async function reserveBuildHost(
  api: ApiContext,
  { names, demand, wishes, query }: BuildRequest,
  signal: AbortSignal,
): Promise<Reservation> {
  const placing: Placing = { ...wishes, candidate: { name: "", image: "", demand, dependencies: [] } };
  const needs = localNeeds(api, { HostConfig: { NetworkMode: query.get("networkmode") ?? "" } });
  const { hasNetworks } = await findNeeds(api, needs, signal);
  const needsImages = placing.affinities.some(({ key }) => key === "image");
  const building = { id: "", name: "", labels: {}, demand };
  return await api.placements.reserve(api, signal, building, needsImages, (hosts) => {
    const choose = (among: readonly PlacementHost[]) => place(placing, among, api.policy, api.random.next());
    const able = hosts.filter(({ id }) => hasNetworks(id));
    const last = able.filter(({ id }) => id === api.builds.lastHostOf(names));
    try {
      return choose(last);
    } catch {
      return choose(able); // Which says why, if none will do.
    }
  });
}
