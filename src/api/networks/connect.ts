import { isOlder } from "#api/api-version.ts";
import { readBody } from "#api/body.ts";
import {
  type Answer,
  type ApiContext,
  type Call,
  clusterCalls,
  idOf,
  isForCluster,
  isInCluster,
  type OwnAnswer,
} from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { askEngine, tellEngine } from "#api/engine-json.ts";
import { asObject, field, parseObject, textField, withField } from "#api/raw-document.ts";
import { FlotillaError } from "#base/errors.ts";
import { attach, endpointSettings, MAC_API_VERSION } from "./attach.ts";
import { clusterIdOf, type EngineNetwork, listEngineNetworks } from "./engine-networks.ts";
import { isAmong, tryFind } from "./find.ts";
import { detachAll, placesHeldBy } from "./held-places.ts";

/** `POST /networks/{id}/connect`: to a network of the cluster, the container first gets its place there. */
export async function connectNetwork(api: ApiContext, call: Call): Promise<Answer> {
  if (isForCluster(api, call)) return await tellContainersNode(api, call, idOf(call), "connect");
  if (!isInCluster(api)) return { kind: "forward" };
  const body = await readBody(call.request);
  const document = parseObject(body);
  const network = idOf(call);
  const { own, bridges } = await findable(api, call);
  const container = isAmong(own, network) ? undefined : await inspectContainer(api, call, field(document, "Container"));
  if (container === undefined) return { kind: "forward", body };
  const bridge = tryFind(bridges, network);
  if (bridge !== undefined && Object.hasOwn(container.networks, bridge.name)) {
    throw new FlotillaError("exists", `${container.name} is already attached to network ${bridge.name}`);
  }
  const settings = asObject(field(document, "EndpointConfig"));
  const place = await attach(api, call, { network, container: container.name, settings });
  if (place === undefined) return { kind: "forward", body };
  const takesMac = !isOlder(api.engine.apiVersion, MAC_API_VERSION);
  const connected = withField(document, "EndpointConfig", endpointSettings(settings, place, takesMac));
  try {
    const path = `/networks/${encodeURIComponent(place.network)}/connect`;
    const { isOk, answer } = await tellEngine(api, call, "POST", path, connected);
    if (!isOk) await detachAll(api, [place]);
    return answer;
  } catch (err) {
    await detachAll(api, [place]);
    throw err;
  }
}

/** `POST /networks/{id}/disconnect`: the place on a network of the cluster is free again at once. */
export async function disconnectNetwork(api: ApiContext, call: Call): Promise<Answer> {
  if (isForCluster(api, call)) return await tellContainersNode(api, call, idOf(call), "disconnect");
  if (!isInCluster(api)) return { kind: "forward" };
  const body = await readBody(call.request);
  const document = parseObject(body);
  const { own, bridges } = await findable(api, call);
  const bridge = isAmong(own, idOf(call)) ? undefined : tryFind(bridges, idOf(call));
  if (bridge === undefined) return { kind: "forward", body };
  const container = field(document, "Container");
  const places = typeof container === "string" ? await placesHeldBy(api, call, container, bridge.id) : [];
  const path = `/networks/${encodeURIComponent(bridge.name)}/disconnect`;
  const { isOk, answer } = await tellEngine(api, call, "POST", path, document);
  if (isOk) await detachAll(api, places);
  return answer;
}

/** Networks are joined and left where the container is. */
export async function tellContainersNode(
  api: ApiContext,
  call: Call,
  network: string,
  verb: "connect" | "disconnect",
): Promise<OwnAnswer> {
  const document = parseObject(await readBody(call.request));
  const { findContainer, networkOnHost } = await clusterCalls();
  const path = (name: string) => `/networks/${encodeURIComponent(name)}/${verb}`;
  const container = textField(document, "Container");
  const found = await findContainer(api, container, call.signal).catch((): undefined => undefined);
  if (found === undefined) return (await tellEngine(api, call, "POST", path(network), document, ownDaemon(api))).answer;
  const target = path(await networkOnHost(api, call, network, { container, nodeId: found.nodeId }));
  const named = withField(document, "Container", found.id);
  return (await tellEngine(api, call, "POST", target, named, api.engines.daemonOf(found.nodeId))).answer;
}

/** It says what is wrong with a container that nobody has. */
const ownDaemon = (api: ApiContext) => api.engines.daemonOf(api.membership.home);

/** The engine's networks as clients call them: its own, and with their ids in the cluster those of the cluster. */
async function findable(api: ApiContext, call: Call) {
  const { own, bridges } = await listEngineNetworks(api, call);
  const toFindable = (network: EngineNetwork) => ({ id: clusterIdOf(network) ?? network.Id, name: network.Name });
  return { own: own.map(toFindable), bridges: bridges.map(toFindable) };
}

interface InspectedContainer {
  readonly name: string;
  /** By the engine's name of the network. */
  readonly networks: Json;
}

/** Undefined for one that the engine does not know. */
async function inspectContainer(api: ApiContext, call: Call, id: unknown): Promise<InspectedContainer | undefined> {
  if (typeof id !== "string" || id === "") return undefined;
  const path = `/containers/${encodeURIComponent(id)}/json`;
  const inspected = await askEngine(api, call, path).catch((): undefined => undefined);
  if (inspected === undefined) return undefined;
  const name = field(inspected, "Name");
  const networks = asObject(field(field(inspected, "NetworkSettings"), "Networks"));
  return { name: typeof name === "string" ? name.replace(/^\//, "") : id, networks };
}
