import { isOlder } from "./api-version.ts";
import { readBody } from "./body.ts";
import { type Answer, type ApiContext, type Call, clusterCalls, idOf, isForCluster, isInCluster } from "./call.ts";
import type { Json } from "./convert/meta-json.ts";
import { tellEngine } from "./engine-json.ts";
import { attach, MAC_API_VERSION, type Place } from "./networks/attach.ts";
import { endpointWish, type MacStyle, namedNetworks, withPlace } from "./networks/container-document.ts";
import { listEngineNetworks } from "./networks/engine-networks.ts";
import { isAmong } from "./networks/find.ts";
import { detachAll, placesHeldBy } from "./networks/held-places.ts";
import { parseObject } from "./raw-document.ts";
import { inventContainerName } from "./service-name.ts";

/**
 * `POST /containers/create`: the engine's, but a container that is to be on networks of the cluster first gets its place
 * there. The engine knows such a network as a bridge of its own.
 */
export async function createContainer(api: ApiContext, call: Call): Promise<Answer> {
  if (isForCluster(api, call)) return await (await clusterCalls()).createInCluster(api, call);
  if (!isInCluster(api)) return { kind: "forward" };
  const body = await readBody(call.request);
  const document = parseObject(body);
  const networks = await withoutEngineNetworks(api, call, namedNetworks(document));
  // Others find the container by its name, so it needs one before the engine would invent it.
  const name = call.query.get("name")?.replace(/^\//, "") || inventContainerName(api.random);
  const places: Place[] = [];
  try {
    let placed = document;
    for (const network of networks) {
      const wish = { network, container: name, settings: endpointWish(document, network) };
      const place = await attach(api, call, wish);
      // The engine says of an unknown network that it is unknown.
      if (place === undefined) continue;
      places.push(place);
      placed = withPlace(placed, network, place, macStyle(api, call));
    }
    if (places.length === 0) return { kind: "forward", body };
    return await createPlaced(api, call, name, placed, places);
  } catch (err) {
    await detachAll(api, places);
    throw err;
  }
}

async function createPlaced(
  api: ApiContext,
  call: Call,
  name: string,
  document: Json,
  places: readonly Place[],
): Promise<Answer> {
  const query = new URLSearchParams(call.query);
  query.set("name", name);
  const { isOk, answer } = await tellEngine(api, call, "POST", `/containers/create?${query.toString()}`, document);
  if (!isOk) await detachAll(api, places);
  return answer;
}

/** `GET /containers/json` */
export async function listContainersOf(api: ApiContext, call: Call): Promise<Answer> {
  return isForCluster(api, call) ? await (await clusterCalls()).listContainers(api, call) : { kind: "forward" };
}

/** `DELETE /containers/{id}`: the engine's; the container's places on networks of the cluster are free again at once. */
export async function removeContainer(api: ApiContext, call: Call): Promise<Answer> {
  if (isForCluster(api, call)) return { kind: "locate" };
  const places = isInCluster(api) ? await placesHeldBy(api, call, idOf(call)) : [];
  if (places.length === 0) return { kind: "forward" };
  const query = call.query.size > 0 ? `?${call.query.toString()}` : "";
  const path = `/containers/${encodeURIComponent(idOf(call))}${query}`;
  const { isOk, answer } = await tellEngine(api, call, "DELETE", path);
  if (isOk) await detachAll(api, places);
  return answer;
}

/** The engine's own networks come before those of the cluster, as in Docker. */
async function withoutEngineNetworks(
  api: ApiContext,
  call: Call,
  names: readonly string[],
): Promise<readonly string[]> {
  if (names.length === 0) return [];
  const { own } = await listEngineNetworks(api, call);
  const findable = own.map(({ Id, Name }) => ({ id: Id, name: Name }));
  return names.filter((name) => !isAmong(findable, name));
}

function macStyle(api: ApiContext, call: Call): MacStyle {
  if (!isOlder(call.version, MAC_API_VERSION)) return "endpoint";
  return isOlder(api.engine.apiVersion, MAC_API_VERSION) ? "derived" : "container";
}
