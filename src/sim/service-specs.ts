import { type Random, randomInt } from "#base/random.ts";
import { msToNs } from "#model/defaults.ts";
import type { Config, Network, Secret } from "#model/objects.ts";
import type {
  ContainerSpec,
  EndpointSpec,
  NetworkAttachmentConfig,
  Placement,
  ResourceRequirements,
  RestartPolicy,
  ServiceMode,
  ServiceSpec,
  TaskSpec,
  UpdateConfig,
} from "#model/spec.ts";
import { chance, pick, pickAny } from "./choose.ts";
import { BROKEN_IMAGES, BROKEN_JOB_IMAGES, JOB_IMAGES, SERVICE_IMAGES } from "./images.ts";

export type SimMode = "replicated" | "global" | "replicated-job" | "global-job";

/** Secrets and configs that a service may refer to. */
export interface Payloads {
  readonly secrets: readonly Secret[];
  readonly configs: readonly Config[];
}

/** What of the cluster a service may refer to. */
export interface Surroundings extends Payloads {
  readonly networks: readonly Network[];
}

/** How many images are no good: a share of all. */
const BROKEN = 0.25;

/** A service as some user might write it. */
export function randomSpec(random: Random, name: string, mode: SimMode, around: Surroundings): ServiceSpec {
  const isJob = mode === "replicated-job" || mode === "global-job";
  const spec: ServiceSpec = {
    Name: name,
    Labels: {},
    TaskTemplate: randomTask(random, isJob, around),
    Mode: randomMode(random, mode),
    ...(chance(random, 0.4) && !isJob && { EndpointSpec: randomPorts(random) }),
  };
  return isJob ? spec : { ...spec, UpdateConfig: randomPace(random), RollbackConfig: randomPace(random) };
}

/** The spec after a change of what its tasks run. */
export function changedSpec(random: Random, spec: ServiceSpec, around: Surroundings): ServiceSpec {
  const isJob = spec.Mode.ReplicatedJob !== undefined || spec.Mode.GlobalJob !== undefined;
  const { TaskTemplate: task } = spec;
  const container = task.ContainerSpec ?? { Image: "app:1" };
  const change = randomInt(random, 0, 7);
  const changed = (next: TaskSpec): ServiceSpec => ({ ...spec, TaskTemplate: next });
  if (change === 0) return changed({ ...task, ForceUpdate: task.ForceUpdate + 1 });
  if (change === 1) return changed({ ...task, Placement: randomPlacement(random) });
  if (change === 2) return changed({ ...task, Resources: randomResources(random) });
  if (change === 3 && !isJob) return { ...spec, EndpointSpec: randomPorts(random) };
  if (change === 4) return changed({ ...task, ContainerSpec: { ...container, ...references(random, around) } });
  if (change === 6) return changed({ ...task, Networks: randomNetworks(random, around.networks) });
  return changed({ ...task, ContainerSpec: { ...container, Image: randomImage(random, isJob) } });
}

/** The spec with another update configuration. */
export const repacedSpec = (random: Random, spec: ServiceSpec): ServiceSpec =>
  spec.UpdateConfig === undefined ? spec : { ...spec, UpdateConfig: randomPace(random) };

/** The spec with another number of replicas, or undefined for one that has none. */
export function scaledSpec(random: Random, spec: ServiceSpec): ServiceSpec | undefined {
  if (spec.Mode.Replicated === undefined) return undefined;
  return { ...spec, Mode: { Replicated: { Replicas: randomInt(random, 0, 9) } } };
}

function randomMode(random: Random, mode: SimMode): ServiceMode {
  switch (mode) {
    case "replicated":
      return { Replicated: { Replicas: randomInt(random, 1, 7) } };
    case "global":
      return { Global: {} };
    case "replicated-job":
      return { ReplicatedJob: { MaxConcurrent: randomInt(random, 1, 4), TotalCompletions: randomInt(random, 1, 6) } };
    case "global-job":
      return { GlobalJob: {} };
  }
}

function randomTask(random: Random, isJob: boolean, around: Surroundings): TaskSpec {
  return {
    ContainerSpec: {
      Image: randomImage(random, isJob),
      StopGracePeriod: msToNs(randomInt(random, 1_000, 6_000)),
      ...(chance(random, 0.5) && references(random, around)),
    },
    ForceUpdate: 0,
    ...(chance(random, 0.6) && { Networks: randomNetworks(random, around.networks) }),
    ...(chance(random, 0.4) && { Resources: randomResources(random) }),
    ...(chance(random, 0.4) && { Placement: randomPlacement(random) }),
    ...(chance(random, 0.6) && { RestartPolicy: randomRestart(random) }),
  };
}

function randomImage(random: Random, isJob: boolean): string {
  if (chance(random, BROKEN)) return pick<string>(random, isJob ? BROKEN_JOB_IMAGES : BROKEN_IMAGES);
  return pick<string>(random, isJob ? JOB_IMAGES : SERVICE_IMAGES);
}

function references(random: Random, { secrets, configs }: Payloads): Pick<ContainerSpec, "Secrets" | "Configs"> {
  const file = (name: string) => ({ Name: name, UID: "0", GID: "0", Mode: 0o444 });
  const secret = pickAny(random, secrets);
  const config = pickAny(random, configs);
  const { Name: secretName = "" } = secret?.spec ?? {};
  const { Name: configName = "" } = config?.spec ?? {};
  return {
    Secrets: secret ? [{ SecretID: secret.id, SecretName: secretName, File: file(secretName) }] : [],
    Configs: config ? [{ ConfigID: config.id, ConfigName: configName, File: file(configName) }] : [],
  };
}

function randomRestart(random: Random): RestartPolicy {
  return {
    Condition: pick(random, ["any", "any", "any", "on-failure", "none"] as const),
    // Shorter, and a service whose tasks all fail is never at rest for a moment.
    Delay: msToNs(randomInt(random, 1_000, 6_000)),
    ...(chance(random, 0.3) && { MaxAttempts: randomInt(random, 1, 4) }),
    ...(chance(random, 0.2) && { Window: msToNs(randomInt(random, 5_000, 60_000)) }),
  };
}

function randomResources(random: Random): ResourceRequirements {
  return {
    Reservations: {
      NanoCPUs: randomInt(random, 1, 16) * 1e8,
      MemoryBytes: randomInt(random, 1, 12) * 1e8,
      ...(chance(random, 0.15) && { GenericResources: [{ DiscreteResourceSpec: { Kind: "gpu", Value: 1 } }] }),
    },
  };
}

function randomPlacement(random: Random): Placement {
  const constraints = ["node.labels.zone==a", "node.labels.zone!=b", "node.labels.ssd==yes", "node.role==worker"];
  return {
    ...(chance(random, 0.7) && { Constraints: [pick(random, constraints)] }),
    ...(chance(random, 0.4) && { MaxReplicas: randomInt(random, 1, 4) }),
    ...(chance(random, 0.3) && { Preferences: [{ Spread: { SpreadDescriptor: "node.labels.zone" } }] }),
  };
}

/** None to all of the networks, each at most once. */
function randomNetworks(random: Random, networks: readonly Network[]): readonly NetworkAttachmentConfig[] {
  const chosen = networks.filter(({ spec }) => !spec.Ingress && chance(random, 0.5));
  return chosen.map(({ id }) => ({ Target: id, ...(chance(random, 0.3) && { Aliases: ["alias"] }) }));
}

function randomPorts(random: Random): EndpointSpec {
  const mode = pick(random, ["ingress", "ingress", "host"] as const);
  const published = chance(random, 0.3) ? 0 : (mode === "host" ? 8_000 : 9_000) + randomInt(random, 0, 3);
  const protocol = pick(random, ["tcp", "tcp", "udp"] as const);
  if (chance(random, 0.15)) return { Mode: "dnsrr" };
  return { Ports: [{ Protocol: protocol, TargetPort: 80, PublishedPort: published, PublishMode: mode }] };
}

function randomPace(random: Random): UpdateConfig {
  return {
    Parallelism: randomInt(random, 0, 4),
    Delay: msToNs(pick(random, [0, 0, 500, 3_000, 7_000])),
    Monitor: msToNs(pick(random, [0, 500, 2_000, 6_000])),
    FailureAction: pick(random, ["pause", "continue", "rollback"] as const),
    MaxFailureRatio: pick(random, [0, 0, 0.3, 1]),
    Order: pick(random, ["stop-first", "start-first"] as const),
  };
}
