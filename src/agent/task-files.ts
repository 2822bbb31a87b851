import { FlotillaError } from "#base/errors.ts";
import { configPath, secretPath } from "#model/file-target.ts";
import type { ConfigId, SecretId, TaskId } from "#model/ids.ts";
import type { Config, Secret, Task } from "#model/objects.ts";
import type { ConfigReference, FileTarget, SecretReference } from "#model/spec.ts";
import type { TemplateNode } from "#model/template.ts";
import { expandPayload, expandTaskSpec } from "#model/template.ts";

/** One secret or config as its container shall see it. */
export interface TaskFile {
  /** The path in the container. */
  readonly target: string;
  readonly data: Uint8Array;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** Where the payloads of the running tasks are kept until their containers exist. */
export interface TaskFileStore {
  /**
   * Writes a task's files, and keeps those that exist: a running container may use them.
   * @returns the path on the host of each file, by its path in the container.
   */
  write(taskId: TaskId, files: readonly TaskFile[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  /** Removes a task's files. No error when it has none. */
  remove(taskId: TaskId): Promise<void>;
  /** Removes the files of all other tasks. */
  sweep(keep: ReadonlySet<TaskId>): Promise<void>;
  /** Removes everything, and the place itself. */
  clear(): Promise<void>;
}

/** The secrets and configs that a node has been given, as they came. */
export interface Payloads {
  secret(id: SecretId): Secret | undefined;
  config(id: ConfigId): Config | undefined;
}

/** Whether the task has any file to be written. */
export const hasFiles = (task: Task): boolean => {
  const container = task.spec.ContainerSpec;
  return [...(container?.Secrets ?? []), ...(container?.Configs ?? [])].some((reference) => reference.File);
};

/**
 * The files of a task: its secrets, then its configs, in the order of its spec, with templates expanded.
 * @throws FlotillaError `unavailable` while a payload has not arrived, `invalid` for a template or owner that is wrong.
 */
export function taskFiles(task: Task, node: TemplateNode, payloads: Payloads): readonly TaskFile[] {
  const container = task.spec.ContainerSpec;
  const files: TaskFile[] = [];
  for (const reference of container?.Secrets ?? []) {
    const target = secretPath(reference);
    if (target === undefined || reference.File === undefined) continue;
    const secret = arrived("secret", reference.SecretName, payloads.secret(reference.SecretID));
    files.push(file(target, reference.File, expand(task, node, payloads, secret)));
  }
  for (const reference of container?.Configs ?? []) {
    const target = configPath(reference);
    if (target === undefined || reference.File === undefined) continue;
    const config = arrived("config", reference.ConfigName, payloads.config(reference.ConfigID));
    files.push(file(target, reference.File, expand(task, node, payloads, config)));
  }
  return files;
}

function arrived<T>(kind: string, name: string, object: T | undefined): T {
  if (object !== undefined) return object;
  throw new FlotillaError("unavailable", `waiting for a manager to send ${kind} ${name}`);
}

const file = (target: string, { UID, GID, Mode }: FileTarget, data: Uint8Array): TaskFile => ({
  target,
  data,
  uid: owner("user", UID),
  gid: owner("group", GID),
  mode: Mode & 0o7777,
});

function owner(kind: string, id: string): number {
  if (id === "") return 0;
  if (/^\d{1,10}$/.test(id)) return Number(id);
  throw new FlotillaError("invalid", `the ${kind} id of a secret's or config's file must be a number, not "${id}"`);
}

const bytes = (object: Secret | Config): Buffer => Buffer.from(object.spec.Data ?? "", "base64");

function expand(task: Task, node: TemplateNode, payloads: Payloads, object: Secret | Config): Uint8Array {
  const engine = object.spec.Templating?.Name;
  if (!engine) return bytes(object);
  if (engine !== "golang") {
    throw new FlotillaError("invalid", `template driver "${engine}" of ${object.kind} ${object.spec.Name} is unknown`);
  }
  const container = task.spec.ContainerSpec;
  const expanded = { ...task, spec: expandTaskSpec(task, node) };
  const text = expandPayload(bytes(object).toString("utf8"), expanded, node, {
    secret: (target) => {
      const reference = byTarget("secret", target, container?.Secrets);
      return bytes(arrived("secret", reference.SecretName, payloads.secret(reference.SecretID))).toString("utf8");
    },
    config: (target) => {
      const reference = byTarget("config", target, container?.Configs);
      return bytes(arrived("config", reference.ConfigName, payloads.config(reference.ConfigID))).toString("utf8");
    },
  });
  return Buffer.from(text, "utf8");
}

function byTarget<R extends SecretReference | ConfigReference>(
  kind: string,
  target: string,
  references: readonly R[] | undefined,
): R {
  const found = references?.find((reference) => reference.File?.Name === target);
  if (found !== undefined) return found;
  throw new FlotillaError("not_found", `${kind} target ${target} not found: a template can use the task's own only`);
}
