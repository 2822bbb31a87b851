import type { Json } from "#api/convert/meta-json.ts";
import { isBuiltin } from "#api/networks/engine-networks.ts";
import { asObject, field, textField, textsField } from "#api/raw-document.ts";
import type { ContainerRecipe } from "#model/objects.ts";

/** What a container was given on a network of the cluster, and did not ask for. */
export interface GivenPlace {
  /** The node's own address there, where names are answered. */
  readonly gateway: string | undefined;
  readonly isAddressWanted: boolean;
}

interface Joined {
  readonly name: string;
  readonly endpoint: Json;
  /** Undefined on networks of the engine's own. */
  readonly place: GivenPlace | undefined;
}

/** Engines call a container by this much of its id: as its hostname, and among its aliases. */
const SHORT_ID = 12;

/**
 * How a container is made again: what `docker inspect` shows of it, less what its engine and its host have added.
 * @param given what it has on the network of this name, with this address; undefined for a network of the engine's own.
 */
export function recipeOf(
  inspected: Json,
  given: (network: string, address: string) => GivenPlace | undefined,
): ContainerRecipe {
  const shortId = textField(inspected, "Id").slice(0, SHORT_ID);
  const networkSettings = asObject(inspected["NetworkSettings"]);
  const joined = Object.entries(asObject(networkSettings["Networks"])).map(([name, value]): Joined => {
    const endpoint = asObject(value);
    return { name, endpoint, place: given(name, addressOf(endpoint)) };
  });
  const hostConfig = asObject(inspected["HostConfig"]);
  const mode = networkMode(textField(hostConfig, "NetworkMode"), joined);
  const first = joined.find(({ name }) => name === nameOfMode(mode));
  const others = sharesNetwork(mode) ? [] : joined.filter((one) => one !== first);
  const onCluster = joined.filter(({ place }) => place !== undefined);
  return {
    document: {
      ...configOf(asObject(inspected["Config"]), shortId, mode, first?.place),
      HostConfig: hostConfigOf(hostConfig, mode, first?.place),
      ...(first &&
        !isBuiltin(first.name) && {
          NetworkingConfig: { EndpointsConfig: { [first.name]: settingsOf(first, shortId) } },
        }),
    },
    networks: others.map((one) => ({ name: one.name, settings: settingsOf(one, shortId) })),
    addresses: Object.fromEntries(onCluster.map(({ name, endpoint }) => [name, addressOf(endpoint)])),
  };
}

/** It has no networks of its own to connect. */
const sharesNetwork = (mode: string): boolean => ["host", "none"].includes(mode) || mode.startsWith("container:");

const nameOfMode = (mode: string): string => (mode === "default" ? "bridge" : mode);

/** The network that it was created on, by name; another one when it has left that. */
function networkMode(mode: string, joined: readonly Joined[]): string {
  if (sharesNetwork(mode)) return mode;
  const isMeant = ({ name, endpoint }: Joined) =>
    name === nameOfMode(mode || "default") || (mode !== "" && textField(endpoint, "NetworkID") === mode);
  const created = joined.find(isMeant);
  if (created !== undefined) return isBuiltin(mode) ? mode : created.name;
  return joined[0]?.name ?? "none";
}

/** Names that were not given follow from the id; with another's network they are the other's, and so are its ports. */
function configOf(config: Json, shortId: string, mode: string, place: GivenPlace | undefined): Json {
  const isOthers = mode === "host" || mode.startsWith("container:");
  const dropped = [
    ...(textField(config, "Hostname") === shortId || isOthers ? ["Hostname"] : []),
    ...(isOthers ? ["Domainname"] : []),
    ...(mode.startsWith("container:") ? ["ExposedPorts"] : []),
    ...(place !== undefined || config["MacAddress"] === "" ? ["MacAddress"] : []),
  ];
  return without(config, dropped);
}

function hostConfigOf(hostConfig: Json, mode: string, place: GivenPlace | undefined): Json {
  const [server, ...others] = textsField(hostConfig, "Dns");
  const isGiven = server !== undefined && others.length === 0 && server === place?.gateway;
  const links = textsField(hostConfig, "Links").map(linkOf);
  return {
    ...without(hostConfig, ["ContainerIDFile", ...(isGiven ? ["Dns"] : [])]),
    NetworkMode: mode,
    ...(links.length > 0 && { Links: links }),
  };
}

/** `/db:/web/alias`, as an engine shows it, as `db:alias`. */
function linkOf(link: string): string {
  const [target = "", alias = ""] = link.split(":");
  return `${target.replace(/^\//, "")}:${alias.slice(alias.lastIndexOf("/") + 1)}`;
}

function settingsOf({ endpoint, place }: Joined, shortId: string): Json {
  const aliases = textsField(endpoint, "Aliases").filter((alias) => alias !== shortId);
  const links = textsField(endpoint, "Links");
  const addresses = place === undefined || place.isAddressWanted ? asObject(endpoint["IPAMConfig"]) : {};
  const options = asObject(endpoint["DriverOpts"]);
  return {
    ...(aliases.length > 0 && { Aliases: aliases }),
    ...(links.length > 0 && { Links: links }),
    ...(Object.keys(addresses).length > 0 && { IPAMConfig: addresses }),
    ...(Object.keys(options).length > 0 && { DriverOpts: options }),
  };
}

/** The one that it has, or while it does not run the one that it will have. */
const addressOf = (endpoint: Json): string =>
  textField(field(endpoint, "IPAMConfig"), "IPv4Address") || textField(endpoint, "IPAddress");

const without = (object: Json, names: readonly string[]): Json =>
  Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
