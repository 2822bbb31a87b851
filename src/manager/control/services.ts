import { isDeepStrictEqual } from "node:util";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { commitFresh, commitOnce } from "#manager/commit.ts";
import type { Control, ServiceUpdateOptions } from "#manager/control.ts";
import type { ClusterState } from "#manager/state.ts";
import type { NetworkId } from "#model/ids.ts";
import type { Service } from "#model/objects.ts";
import { isJob, modeName } from "#model/service-mode.ts";
import type { ServiceSpec } from "#model/spec.ts";
import { validateServiceSpec } from "#model/validate-service.ts";
import { keptEndpoint } from "#plan/allocate/endpoint.ts";
import { ingressNetwork } from "#plan/allocate/needs.ts";
import { checkSequence } from "./sequence.ts";
import { checkIngressNetwork, withNetworkIds } from "./service-networks.ts";
import { checkReferences } from "./service-references.ts";
import { checkTemplates } from "./template-check.ts";

interface Deps {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly newId: () => string;
}

/** Services: create, update, roll back, remove. */
export function createServiceControl(deps: Deps): Pick<Control, "createService" | "updateService" | "removeService"> {
  const { state, clock } = deps;
  const { view } = state;

  const find = (id: string): Service => {
    const service = view.get("service", id);
    if (service === undefined) throw new FlotillaError("not_found", `service ${id} not found`);
    return service;
  };

  return {
    async createService(request, options, signal) {
      const spec = check(state, request, undefined);
      const now = clock.now();
      const service: Service = {
        kind: "service",
        id: deps.newId(),
        version: 0,
        createdAt: now,
        updatedAt: now,
        spec,
        specVersion: view.revision,
        endpoint: keptEndpoint({ spec }, undefined),
        ...(isJob({ spec }) && { jobStatus: { iteration: 0, lastExecution: now } }),
        ...(options.registryAuth !== undefined && { registryAuth: options.registryAuth }),
      };
      await commitOnce(state, [{ type: "create", object: service }], signal);
      return { id: service.id, warnings: [] };
    },

    async updateService(id, version, request, options, signal) {
      const build = () => {
        const spec = check(state, request, id);
        const service = find(id);
        checkTransition(service, spec);
        const now = clock.now();
        const updated = options.rollback ? rolledBack(service, options, now) : respecified(service, spec, options);
        checkIngressNetwork(view, updated.spec);
        const changed = withKeptEndpoint(updated, ingressNetwork(view.list("network"))?.id);
        // Last, as in Docker: a client with two faults is told of the one that it can mend.
        checkSequence(service, version);
        const object = { ...withNextIteration(changed, now), updatedAt: now };
        return [{ type: "update" as const, object, expect: service.version }];
      };
      await commitFresh(state, build, signal);
      return { warnings: [] };
    },

    async removeService(id, signal) {
      await commitFresh(state, () => [{ type: "delete", kind: "service", id, expect: find(id).version }], signal);
    },
  };
}

/** The spec, sound and with the ids of what it refers to. */
function check({ view }: ClusterState, request: ServiceSpec, id: string | undefined): ServiceSpec {
  validateServiceSpec(request);
  const spec = withNetworkIds(view, request);
  checkTemplates(spec);
  checkReferences(view, spec, id);
  if (id === undefined) checkIngressNetwork(view, spec);
  return spec;
}

/** What may never change in a service's life. */
function checkTransition(service: Service, spec: ServiceSpec): void {
  const moved = !isDeepStrictEqual(spec.Networks ?? [], service.spec.Networks ?? []);
  if (moved && isDeepStrictEqual(spec.TaskTemplate.Networks, service.spec.TaskTemplate.Networks)) {
    throw new FlotillaError("unimplemented", "networks must be migrated to TaskSpec before being changed");
  }
  if (modeName(service.spec.Mode) !== modeName(spec.Mode)) {
    throw new FlotillaError("unimplemented", "service mode change is not allowed");
  }
  if (service.spec.Name !== spec.Name) {
    throw new FlotillaError("unimplemented", "renaming services is not supported");
  }
}

/** The service with what it has of the endpoint that it needs: the allocator adds what is missing. */
const withKeptEndpoint = (service: Service, ingress: NetworkId | undefined): Service => ({
  ...service,
  endpoint: keptEndpoint(service, ingress),
});

/** The service with a new spec. */
function respecified(service: Service, spec: ServiceSpec, options: ServiceUpdateOptions): Service {
  const { updateStatus: _cleared, registryAuth: _replaced, ...kept } = service;
  const stored = options.registryAuthFrom === "spec" ? service.registryAuth : service.previousRegistryAuth;
  return {
    ...kept,
    spec,
    specVersion: service.version,
    previousSpec: service.spec,
    previousSpecVersion: service.specVersion,
    ...registryAuths(options.registryAuth ?? stored, service.registryAuth),
  };
}

/** The service with its spec and its previous one exchanged. The version is new: one that comes back would tell less. */
function rolledBack(service: Service, options: ServiceUpdateOptions, now: number): Service {
  if (service.previousSpec === undefined) {
    throw new FlotillaError("precondition", `service ${service.id} does not have a previous spec`);
  }
  const { registryAuth: _exchanged, previousRegistryAuth: _too, ...kept } = service;
  return {
    ...kept,
    spec: service.previousSpec,
    specVersion: service.version,
    previousSpec: service.spec,
    previousSpecVersion: service.specVersion,
    updateStatus: { state: "rollback_started", message: "manually requested rollback", startedAt: now },
    ...registryAuths(options.registryAuth ?? service.previousRegistryAuth, service.registryAuth),
  };
}

const registryAuths = (current: string | undefined, previous: string | undefined) => ({
  ...(current !== undefined && { registryAuth: current }),
  ...(previous !== undefined && { previousRegistryAuth: previous }),
});

/** Every update of a job runs it again. */
const withNextIteration = (service: Service, now: number): Service =>
  service.jobStatus === undefined
    ? service
    : { ...service, jobStatus: { iteration: service.jobStatus.iteration + 1, lastExecution: now } };
