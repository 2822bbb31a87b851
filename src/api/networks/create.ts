import { decodeDocument, parseJson, readBody, requireJson } from "#api/body.ts";
import { type Answer, type ApiContext, type Call, controlOf, isInCluster, json, manage } from "#api/call.ts";
import { invalid } from "#api/errors.ts";
import { NETWORK_REQUEST, type NetworkRequest } from "#api/network-documents.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import type { NetworkSpec } from "#model/spec.ts";
import type { View } from "#model/view.ts";
import { listEngineNetworks } from "./engine-networks.ts";
import { validateIpam } from "./ipam.ts";

/** `POST /networks/create`: the cluster's networks are made here, all others by the engine. */
export async function createNetwork(api: ApiContext, call: Call): Promise<Answer> {
  const body = await readBody(call.request);
  const asked = kindOf(body.toString("utf8"));
  if (asked.isForCluster) requireManager(api);
  const view = controlOf(api)?.view;
  if (view && asked.name !== undefined) refuseTakenName(view, asked.name);
  if (!asked.isForCluster) return { kind: "forward", body };
  requireJson(call.request);
  const spec = networkSpec(
    decodeDocument(parseJson(body.toString("utf8")), "NetworkRequest", NETWORK_REQUEST, call.version),
  );
  await refuseLocalName(api, call, spec.Name);
  const id = await manage(api, "the creation of the network", (control, signal) => control.createNetwork(spec, signal));
  return json({ Id: id, Warning: "" }, 201);
}

/** What is not even JSON is for the engine to refuse. */
function kindOf(text: string): { readonly isForCluster: boolean; readonly name?: string } {
  try {
    const fields = new Map(Object.entries(JSON.parse(text) ?? {}).map(([key, value]) => [key.toLowerCase(), value]));
    const name = fields.get("name");
    const isTemplate = fields.get("configonly") === true;
    const isForCluster = fields.get("driver") === "overlay" || fields.get("scope") === "swarm";
    return { isForCluster: isForCluster && !isTemplate, ...(typeof name === "string" && { name }) };
  } catch {
    return { isForCluster: false };
  }
}

/** Unlike all other calls of the cluster, this one is forbidden on other nodes. Source: fact sheet 12.19. */
function requireManager(api: ApiContext): void {
  if (isInCluster(api) && !api.membership.local.isManager) {
    throw new FlotillaError(
      "forbidden",
      "Cannot create a multi-host network from a worker node. Please create the network from a manager node.",
    );
  }
  try {
    api.membership.control();
  } catch (err) {
    throw new FlotillaError("forbidden", errorMessage(err), { cause: err });
  }
}

/** Docker's cluster has networks `bridge` and `host` of its own, so to it these names are just taken. */
function refuseTakenName(view: View, name: string): void {
  if (name === "bridge" || name === "host" || view.byName("network", name)?.spec.Name === name) {
    throw nameTaken(name);
  }
}

/** The cluster's network could never be made on this host. */
async function refuseLocalName(api: ApiContext, call: Call, name: string): Promise<void> {
  const { own } = await listEngineNetworks(api, call);
  if (own.some(({ Name }) => Name === name)) throw nameTaken(name);
}

const nameTaken = (name: string): FlotillaError =>
  new FlotillaError("exists", `network with name ${name} already exists`);

const forbidden = (message: string): FlotillaError => new FlotillaError("forbidden", message);

/**
 * Checks what Docker's daemon checks before it asks the manager.
 * @throws FlotillaError `invalid`, `forbidden`, or `unimplemented` with what to do instead.
 */
function networkSpec(request: NetworkRequest): NetworkSpec {
  const { Name, Driver, Scope, IPAM } = request;
  if (Name === "none" || Name === "default")
    throw forbidden(`operation is not permitted on predefined ${Name} network `);
  if (IPAM) validateIpam(IPAM.Config);
  if (Name.trim() === "") throw invalid("invalid name: name is empty");
  if (Scope === "local") throw forbidden("cannot downgrade network scope for overlay networks");
  if (request.ConfigFrom) {
    throw new FlotillaError("unimplemented", "networks of the cluster cannot take their options from another network");
  }
  if (request.EnableIPv4 === false) throw invalid("IPv4 cannot be disabled in a Swarm scoped network");
  return {
    Name,
    Labels: request.Labels,
    Driver,
    ...(Object.keys(request.Options).length > 0 && { Options: request.Options }),
    ...(request.Internal && { Internal: true }),
    ...(request.Attachable && { Attachable: true }),
    ...(request.Ingress && { Ingress: true }),
    ...(request.EnableIPv6 && { EnableIPv6: true }),
    ...(IPAM && { IPAM: ipamSpec(IPAM) }),
  };
}

/** Auxiliary addresses are checked and forgotten, as Docker's managers do. */
const ipamSpec = ({
  Driver,
  Options,
  Config,
}: NonNullable<NetworkRequest["IPAM"]>): NonNullable<NetworkSpec["IPAM"]> => ({
  Driver: Driver || "default",
  ...(Object.keys(Options).length > 0 && { Options }),
  ...(Config.length > 0 && { Config: Config.map(({ AuxiliaryAddresses: _checked, ...block }) => block) }),
});
