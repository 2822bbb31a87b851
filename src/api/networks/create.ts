import { decodeDocument, readBody, requireJson } from "#api/body.ts";
import {
  type Answer,
  type ApiContext,
  type Call,
  clusterCalls,
  controlOf,
  isForCluster,
  isInCluster,
  json,
  manage,
  type OwnAnswer,
} from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { invalid } from "#api/errors.ts";
import { NETWORK_REQUEST, type NetworkRequest } from "#api/network-documents.ts";
import { asObject, field, withField } from "#api/raw-document.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import type { NetworkSpec } from "#model/spec.ts";
import { MTU_OPTION, OVERLAY, validateNetworkSpec } from "#model/validate-network.ts";
import type { View } from "#model/view.ts";
import { listEngineNetworks } from "./engine-networks.ts";
import { validateIpam } from "./ipam.ts";

/**
 * `POST /networks/create`: the cluster's networks are made here, all others by an engine. Which one, and whether the name
 * is free, is decided for all hosts together.
 */
export async function createNetwork(api: ApiContext, call: Call): Promise<Answer> {
  const body = await readBody(call.request);
  const document = tryParse(body.toString("utf8"));
  const name = field(document, "Name");
  const isAsked = isForManagers(document);
  if (isAsked) requireManager(api);
  const view = controlOf(api)?.view;
  if (view && typeof name === "string") refuseTakenName(view, name);
  const spec = isAsked ? clusterSpec(call, document) : undefined;
  // What has no name is for the engine to refuse.
  if (typeof name !== "string") return { kind: "forward", body };
  if (isForCluster(api, call)) {
    const implied = view === undefined ? undefined : impliedSpec(call, document);
    return await (await clusterCalls()).createNetworkInCluster(api, call, document, spec ?? implied);
  }
  if (spec === undefined) return { kind: "forward", body };
  const { own } = await listEngineNetworks(api, call);
  if (own.some(({ Name }) => Name === name)) throw nameTaken(name);
  return await commit(api, spec);
}

/** Has a network of the cluster made by its managers. @throws FlotillaError as they refuse. */
export async function commit(api: ApiContext, spec: NetworkSpec): Promise<OwnAnswer> {
  const id = await manage(api, "the creation of the network", (control, signal) => control.createNetwork(spec, signal));
  return json({ Id: id, Warning: "" }, 201);
}

/** What is not even an object has no name: the engine refuses it. */
function tryParse(text: string): Json {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return {};
  }
}

const isForManagers = (document: Json): boolean =>
  (field(document, "Driver") === OVERLAY || field(document, "Scope") === "swarm") &&
  field(document, "ConfigOnly") !== true;

/**
 * A client that names no driver leaves it to the host, which here has many engines: containers are to meet wherever they
 * run. Undefined for what only a bridge of one engine can be, or what the engine is to refuse.
 */
function impliedSpec(call: Call, document: Json): NetworkSpec | undefined {
  const { Driver, Scope, Ingress, ConfigOnly } = Object.fromEntries(
    ["Driver", "Scope", "Ingress", "ConfigOnly"].map((name) => [name, field(document, name) || undefined]),
  );
  const options = Object.keys(asObject(field(document, "Options")));
  if ((Driver ?? Scope ?? Ingress ?? ConfigOnly) !== undefined || options.some((name) => name !== MTU_OPTION)) {
    return undefined;
  }
  try {
    const spec = { ...clusterSpec(call, withField(document, "Driver", OVERLAY)), Attachable: true };
    validateNetworkSpec(spec);
    return spec;
  } catch {
    return undefined;
  }
}

/** @throws FlotillaError `invalid` for a document of the wrong shape, and as of `networkSpec`. */
function clusterSpec(call: Call, document: Json): NetworkSpec {
  requireJson(call.request);
  return networkSpec(decodeDocument(document, "NetworkRequest", NETWORK_REQUEST, call.version));
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

/** In Docker's words. */
export const nameTaken = (name: string): FlotillaError =>
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
