import { FlotillaError } from "#base/errors.ts";
import type { NodeId } from "./ids.ts";
import type { Task } from "./objects.ts";
import type { ContainerSpec, Labels, Mount, NodeDescription, TaskSpec } from "./spec.ts";
import { slotName, taskName } from "./task-name.ts";
import { type TemplateFunction, text, type Value } from "./template-functions.ts";
import { runTemplate } from "./template-run.ts";

/** The node that a template is expanded for. */
export interface TemplateNode {
  readonly id: NodeId;
  readonly description?: Pick<NodeDescription, "Hostname" | "Platform">;
}

/** What a template can know of its task. */
export type TemplateTask = Pick<
  Task,
  "id" | "spec" | "slot" | "nodeId" | "serviceId" | "serviceName" | "serviceLabels"
>;

/** Where the payload of a templated secret or config may get other payloads from: by the file name of the target. */
export interface PayloadSources {
  /** @throws FlotillaError `not_found` when the task has no such secret. */
  secret(target: string): string;
  /** @throws FlotillaError `not_found` when the task has no such config. */
  config(target: string): string;
}

/**
 * The task's spec with Docker's placeholders filled in where Docker allows them: values of the environment, the
 * hostname, mount sources and targets, and the labels and driver options of volumes.
 * @throws FlotillaError `invalid` naming the field whose template is malformed or asks for what there is not.
 */
export function expandTaskSpec(task: TemplateTask, node: TemplateNode): TaskSpec {
  const container = task.spec.ContainerSpec;
  if (!container) return task.spec;
  const context = templateContext(task, node);
  const expand = (where: string, source: string) => expandField(where, source, context);
  return { ...task.spec, ContainerSpec: expandContainerSpec(container, expand) };
}

/**
 * The payload of a secret or config with templating, which has `secret`, `config` and `env` on top of the placeholders.
 * @throws FlotillaError `invalid`, or what `sources` throws.
 */
export function expandPayload(
  payload: string,
  task: TemplateTask,
  node: TemplateNode,
  sources: PayloadSources,
): string {
  const functions: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
    ["secret", (target = null) => sources.secret(text("secret", target))],
    ["config", (target = null) => sources.config(text("config", target))],
    ["env", (name = null) => environmentValue(task.spec.ContainerSpec?.Env ?? [], text("env", name))],
  ]);
  return runTemplate(payload, templateContext(task, node), functions);
}

/** The placeholders (source: fact sheet 7.7). The slot is text, as the node's id stands in for it in global services. */
function templateContext(task: TemplateTask, node: TemplateNode): Value {
  const nodeId = task.nodeId ?? node.id;
  const placed = { ...task, nodeId };
  return {
    Service: {
      ID: task.serviceId ?? "",
      Name: task.serviceName,
      Labels: new Map(Object.entries(task.serviceLabels)),
    },
    Node: {
      ID: nodeId,
      Hostname: node.description?.Hostname ?? "",
      Platform: {
        Architecture: node.description?.Platform.Architecture ?? "",
        OS: node.description?.Platform.OS ?? "",
      },
    },
    Task: { ID: task.id, Name: taskName(placed), Slot: slotName(placed) },
  };
}

type Expand = (where: string, source: string) => string;

const NO_FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map();

function expandField(where: string, source: string, context: Value): string {
  try {
    return runTemplate(source, context, NO_FUNCTIONS);
  } catch (cause) {
    if (!(cause instanceof FlotillaError)) throw cause;
    throw new FlotillaError(cause.code, `expanding ${where} ${JSON.stringify(source)}: ${cause.message}`, { cause });
  }
}

function expandContainerSpec(spec: ContainerSpec, expand: Expand): ContainerSpec {
  return {
    ...spec,
    ...(spec.Env && { Env: spec.Env.map((entry) => expandEnvironment(entry, expand)) }),
    ...(spec.Hostname !== undefined && { Hostname: expand("hostname", spec.Hostname) }),
    ...(spec.Mounts && { Mounts: spec.Mounts.map((mount) => expandMount(mount, expand)) }),
  };
}

function expandEnvironment(entry: string, expand: Expand): string {
  const equals = entry.indexOf("=");
  if (equals < 0) return entry;
  return `${entry.slice(0, equals + 1)}${expand("env", entry.slice(equals + 1))}`;
}

function expandMount(mount: Mount, expand: Expand): Mount {
  return {
    ...mount,
    ...(mount.Source !== undefined && { Source: expand("mount source", mount.Source) }),
    Target: expand("mount target", mount.Target),
    ...(mount.VolumeOptions && { VolumeOptions: expandVolume(mount.VolumeOptions, expand) }),
  };
}

function expandVolume(volume: NonNullable<Mount["VolumeOptions"]>, expand: Expand): Mount["VolumeOptions"] & object {
  const driver = volume.DriverConfig;
  return {
    ...volume,
    ...(volume.Labels && { Labels: expandValues("volume label", volume.Labels, expand) }),
    ...(driver?.Options && {
      DriverConfig: { ...driver, Options: expandValues("volume option", driver.Options, expand) },
    }),
  };
}

const expandValues = (where: string, values: Labels, expand: Expand): Labels =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, expand(where, value)]));

/** As Docker's `env` function: empty for a variable that is not set. */
function environmentValue(env: readonly string[], name: string): string {
  const entry = env.find((line) => line.startsWith(`${name}=`));
  return entry === undefined ? "" : entry.slice(name.length + 1);
}
