import type { Json } from "#api/convert/meta-json.ts";
import { asObject, field, textField, withField } from "#api/raw-document.ts";
import { endpointSettings, type Place } from "./attach.ts";
import { isBuiltin } from "./engine-networks.ts";

/** The networks in the body of `POST /containers/create`, which otherwise stays as the client sent it. */

/** How the engine gets to know a container's MAC address: of its endpoint, of the container, or by itself. */
export type MacStyle = "endpoint" | "container" | "derived";

const networkMode = (document: Json): unknown => field(field(document, "HostConfig"), "NetworkMode");
const endpointsOf = (document: Json): Json => asObject(field(field(document, "NetworkingConfig"), "EndpointsConfig"));

/** The networks that are named, the first one first, but for those that every engine has. */
export function namedNetworks(document: Json): readonly string[] {
  const mode = networkMode(document);
  const names = [...(typeof mode === "string" ? [mode] : []), ...Object.keys(endpointsOf(document))];
  return [...new Set(names)].filter((name) => name !== "" && !isBuiltin(name) && !name.startsWith("container:"));
}

/** The document with other names for its networks. */
export function renameNetworks(document: Json, rename: (name: string) => string): Json {
  if (namedNetworks(document).every((name) => rename(name) === name)) return document;
  const endpoints = Object.entries(endpointsOf(document)).map(([name, settings]) => [rename(name), settings]);
  const networking = asObject(field(document, "NetworkingConfig"));
  const host = asObject(field(document, "HostConfig"));
  const renamed = withField(
    document,
    "NetworkingConfig",
    withField(networking, "EndpointsConfig", Object.fromEntries(endpoints)),
  );
  return withField(renamed, "HostConfig", withField(host, "NetworkMode", rename(textField(host, "NetworkMode"))));
}

/** What the client wants of its place on a network. A MAC address of the container is that of its first network. */
export function endpointWish(document: Json, network: string): Json {
  const endpoints = endpointsOf(document);
  const settings = Object.hasOwn(endpoints, network) ? asObject(endpoints[network]) : {};
  const mac = field(settings, "MacAddress") || (networkMode(document) === network && field(document, "MacAddress"));
  return mac ? withField(settings, "MacAddress", mac) : settings;
}

/**
 * The document with a place in place of a network's name. Names are asked from this node, if the network is the first
 * one and the client named no server of its own.
 */
export function withPlace(document: Json, network: string, place: Place, mac: MacStyle): Json {
  const settings = endpointSettings(endpointWish(document, network), place, mac === "endpoint");
  const others = Object.entries(endpointsOf(document)).filter(([name]) => name !== network);
  const endpoints = Object.fromEntries([...others, [place.network, settings]]);
  const networking = withField(asObject(field(document, "NetworkingConfig")), "EndpointsConfig", endpoints);
  const connected = withField(document, "NetworkingConfig", networking);
  if (networkMode(document) !== network) return connected;
  const host = withField(asObject(field(document, "HostConfig")), "NetworkMode", place.network);
  const servers = field(host, "Dns");
  const hasServers = Array.isArray(servers) && servers.length > 0;
  const hosted = withField(connected, "HostConfig", hasServers ? host : withField(host, "Dns", [place.gateway]));
  return mac === "container" ? withField(hosted, "MacAddress", place.macAddress) : hosted;
}
