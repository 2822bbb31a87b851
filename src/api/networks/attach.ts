import type { ApiContext, Call } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { asObject, field, withField } from "#api/raw-document.ts";
import { errorCode, errorMessage, FlotillaError } from "#base/errors.ts";
import { macOf } from "#model/mac-address.ts";
import { listBridges } from "./engine-networks.ts";

/** From this API version on engines are told the MAC address of each network; before, it follows from the IP address. */
export const MAC_API_VERSION = "1.44";

/** A container's place on a network of the cluster, and how the engine is told to connect it. */
export interface Place {
  readonly taskId: string;
  /** The engine's name for the network. */
  readonly network: string;
  readonly address: string;
  /** The MAC address that other nodes know the container by. */
  readonly macAddress: string;
  /** The node's own address there, where names are answered. */
  readonly gateway: string;
}

/** How a client wants to connect a container: the parts of the engine's `EndpointSettings` that matter here. */
export interface Wish {
  /** The network as the client calls it. */
  readonly network: string;
  readonly container: string;
  readonly settings: Json;
}

/**
 * Gets a container a place on a network of the cluster. Undefined when the cluster has no such network.
 * @throws FlotillaError `forbidden` for a network that is not attachable, `invalid` for what cannot be had.
 */
export async function attach(api: ApiContext, call: Call, wish: Wish): Promise<Place | undefined> {
  const { attachments } = api.membership;
  try {
    const { taskId, networkId, address } = await attachments.attach(requestOf(wish), call.signal);
    const macAddress = macOf(address);
    try {
      refuseOtherMac(wish.settings, macAddress);
      const [bridge] = await listBridges(api, call, networkId);
      const gateway = bridge?.IPAM?.Config?.[0]?.Gateway;
      if (bridge === undefined || gateway === undefined) {
        throw new FlotillaError("unavailable", "the engine does not have the network yet: try again");
      }
      return { taskId, network: bridge.Name, address, macAddress, gateway };
    } catch (err) {
      await attachments.detach(taskId, api.signal);
      throw err;
    }
  } catch (err) {
    if (errorCode(err) === "not_found") return undefined;
    throw attachError(wish.network, err);
  }
}

function requestOf({ network, container, settings }: Wish) {
  const aliases = field(settings, "Aliases");
  const address = field(field(settings, "IPAMConfig"), "IPv4Address");
  return {
    network,
    containerName: container,
    aliases: Array.isArray(aliases) ? aliases.filter((alias) => typeof alias === "string") : [],
    ...(typeof address === "string" && address !== "" && { address }),
  };
}

/**
 * The engine's `EndpointSettings` of a place: what the client asked for, with the address that it got.
 * @param takesMac whether the engine takes a MAC address here; one that does not makes it as we do.
 */
export function endpointSettings(settings: Json, { address, macAddress }: Place, takesMac: boolean): Json {
  const addressed = withField(
    settings,
    "IPAMConfig",
    withField(asObject(field(settings, "IPAMConfig")), "IPv4Address", address),
  );
  return takesMac ? withField(addressed, "MacAddress", macAddress) : addressed;
}

function refuseOtherMac(settings: Json, macAddress: string): void {
  const wanted = field(settings, "MacAddress");
  if (typeof wanted !== "string" || wanted === "" || wanted.toLowerCase() === macAddress) return;
  throw new FlotillaError(
    "invalid",
    `MAC address ${wanted} cannot be had: on networks of the cluster it follows from the IP address; leave out --mac-address`,
  );
}

/** In Docker's words, which begin with the network and what its manager says. */
function attachError(network: string, err: unknown): unknown {
  if (errorCode(err) !== "forbidden") return err;
  const message = `Could not attach to network ${network}: rpc error: code = PermissionDenied desc = ${errorMessage(err)}`;
  return new FlotillaError("forbidden", message, { cause: err });
}
