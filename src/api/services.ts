import type { ServiceOptions } from "#manager/control.ts";
import type { Service } from "#model/objects.ts";
import { modeName } from "#model/service-mode.ts";
import type { ServiceSpec } from "#model/spec.ts";
import { isOlder } from "./api-version.ts";
import { readDocument } from "./body.ts";
import { type Answer, type ApiContext, type Call, empty, idOf, json, list, manage } from "./call.ts";
import { withDefaults } from "./convert/service-defaults.ts";
import { serviceJson } from "./convert/service-json.ts";
import { serviceStatus } from "./convert/service-status.ts";
import { SERVICE_SPEC } from "./documents.ts";
import { invalid } from "./errors.ts";
import { type Filters, parseFilters } from "./filters.ts";
import { parseFlag, parseObjectVersion } from "./query.ts";
import { resolve } from "./resolve.ts";
import { completeService } from "./service-conversion.ts";
import { inventServiceName } from "./service-name.ts";
import { withNetworkIds } from "./service-networks.ts";

const FILTERS = ["id", "name", "label", "mode", "runtime"];

export function listServices(api: ApiContext, call: Call): Answer {
  const matches = serviceMatcher(parseFilters(call.query).accept(FILTERS));
  const withStatus = !isOlder(call.version, "1.41") && parseFlag(call.query, "status");
  const { view } = api.membership.control();
  const services = [...view.list("service")].filter(matches);
  return list(services, (service) =>
    serviceJson(view, service, call.version, withStatus ? serviceStatus(view, service) : undefined),
  );
}

export function inspectService(api: ApiContext, call: Call): Answer {
  const insertDefaults = parseFlag(call.query, "insertDefaults");
  const { view } = api.membership.control();
  const service = resolve(view, "service", idOf(call));
  const shown = insertDefaults ? { ...service, spec: withDefaults(service.spec) } : service;
  return json(serviceJson(view, shown, call.version));
}

export async function createService(api: ApiContext, call: Call): Promise<Answer> {
  const document = await readServiceSpec(call);
  const { view } = api.membership.control();
  const spec = completeService(await withNetworkIds(api, call, view, document));
  const named = spec.Name === "" ? { ...spec, Name: inventServiceName(api.random) } : spec;
  const { id, warnings } = await manage(api, "the creation of the service", (control, signal) =>
    control.createService(named, serviceOptions(call), signal),
  );
  return json({ ID: id, Warnings: warnings.length > 0 ? warnings : undefined }, 201);
}

export async function updateService(api: ApiContext, call: Call): Promise<Answer> {
  const document = await readServiceSpec(call);
  const version = parseObjectVersion(call.query, "service");
  const { view } = api.membership.control();
  const spec = completeService(await withNetworkIds(api, call, view, document));
  const options = {
    ...serviceOptions(call),
    registryAuthFrom: registryAuthFrom(call.query),
    rollback: isRollback(call.query),
  };
  const { id } = resolve(view, "service", idOf(call));
  const { warnings } = await manage(api, "the update of the service", (control, signal) =>
    control.updateService(id, version, spec, options, signal),
  );
  return json({ Warnings: warnings.length > 0 ? warnings : null });
}

export async function removeService(api: ApiContext, call: Call): Promise<Answer> {
  const { id } = resolve(api.membership.control().view, "service", idOf(call));
  await manage(api, "the removal of the service", (control, signal) => control.removeService(id, signal));
  return empty();
}

const readServiceSpec = (call: Call): Promise<ServiceSpec> =>
  readDocument(call.request, "ServiceSpec", SERVICE_SPEC, call.version);

function serviceOptions(call: Call): ServiceOptions {
  const registryAuth = call.request.headers["x-registry-auth"];
  return typeof registryAuth === "string" && registryAuth !== "" ? { registryAuth } : {};
}

function registryAuthFrom(query: URLSearchParams): "spec" | "previous-spec" {
  const source = query.get("registryAuthFrom") || "spec";
  if (source === "spec" || source === "previous-spec") return source;
  throw invalid(`invalid registryAuthFrom '${source}'`);
}

function isRollback(query: URLSearchParams): boolean {
  const rollback = query.get("rollback") ?? "";
  if (rollback !== "" && rollback !== "previous") throw invalid(`unrecognized rollback option ${rollback}`);
  return rollback === "previous";
}

function serviceMatcher(filters: Filters): (service: Service) => boolean {
  const runtimes = filters.get("runtime").length > 0 ? filters.get("runtime") : ["container"];
  return ({ id, spec }) =>
    filters.hasPrefixOf("id", id) &&
    filters.hasPrefixOf("name", spec.Name) &&
    filters.matchesLabels("label", spec.Labels) &&
    filters.isOneOf("mode", modeName(spec.Mode)) &&
    runtimes.includes(spec.TaskTemplate.Runtime ?? "container");
}
