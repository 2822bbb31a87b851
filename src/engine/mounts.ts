import { FlotillaError } from "#base/errors.ts";
import { configPath, secretPath } from "#model/file-target.ts";
import type { ContainerSpec, Mount } from "#model/spec.ts";
import type { CreateVolume } from "./engine.ts";

/**
 * The engine's `HostConfig.Mounts` of a container: its own mounts, then its secrets and configs as read-only files.
 * `files` has the path on the host for each secret's and config's path in the container.
 * @throws FlotillaError `invalid` for a mount that no engine could make, `precondition` for a file that is missing.
 */
export function engineMounts(spec: ContainerSpec, files: ReadonlyMap<string, string>): Mount[] {
  return [...(spec.Mounts ?? []).map(engineMount), ...fileMounts(spec, files)];
}

/** The named volumes with a driver of their own, which must exist before the container that mounts them. */
export const namedVolumes = (spec: ContainerSpec): CreateVolume[] =>
  (spec.Mounts ?? []).flatMap(({ Type, Source, VolumeOptions }) => {
    const driver = VolumeOptions?.DriverConfig;
    if (Type !== "volume" || !Source || !driver) return [];
    return {
      Name: Source,
      ...(driver.Name && { Driver: driver.Name }),
      ...(driver.Options && { DriverOpts: driver.Options }),
      ...(VolumeOptions.Labels && { Labels: VolumeOptions.Labels }),
    };
  });

function engineMount(mount: Mount): Mount {
  checkMount(mount);
  const { Type, Source, Target, ReadOnly, BindOptions, VolumeOptions, TmpfsOptions, ImageOptions } = mount;
  return {
    Type,
    ...(Source && { Source }),
    Target,
    ...(ReadOnly && { ReadOnly }),
    ...(BindOptions && { BindOptions }),
    ...(VolumeOptions && { VolumeOptions }),
    ...(TmpfsOptions && { TmpfsOptions }),
    ...(ImageOptions && { ImageOptions }),
  };
}

/** What Docker's agents check before they ask the engine, in their words: clients know these messages. */
function checkMount({ Type, Source = "", Target }: Mount): void {
  const refuse = (message: string): never => {
    throw new FlotillaError("invalid", message);
  };
  if (Type !== "npipe" && !Target.startsWith("/")) refuse(`invalid mount target, must be an absolute path: ${Target}`);
  switch (Type) {
    case "bind":
      if (!Source.startsWith("/")) refuse(`invalid bind mount source, must be an absolute path: ${Source}`);
      return;
    case "volume":
      if (Source.startsWith("/")) refuse(`invalid volume mount source, must not be an absolute path: ${Source}`);
      return;
    case "tmpfs":
      if (Source !== "") refuse("invalid tmpfs source, source must be empty");
      return;
    case "npipe":
      if (Source === "") refuse("invalid npipe source, source must not be empty");
      return;
    case "image":
      if (Source === "") refuse("invalid image mount source, source must not be empty");
      return;
    case "cluster":
      throw new FlotillaError("unimplemented", `mount ${Target}: cluster (CSI) volumes are not supported`);
    default:
      refuse(`invalid mount type: ${String(Type)}`);
  }
}

function fileMounts(spec: ContainerSpec, files: ReadonlyMap<string, string>): Mount[] {
  const wanted = [
    ...(spec.Secrets ?? []).map((secret) => ({ what: `secret ${secret.SecretName}`, path: secretPath(secret) })),
    ...(spec.Configs ?? []).map((config) => ({ what: `config ${config.ConfigName}`, path: configPath(config) })),
  ];
  return wanted.flatMap(({ what, path }) => {
    if (path === undefined) return [];
    const source = files.get(path);
    if (source === undefined) throw new FlotillaError("precondition", `${what} has not reached this node yet`);
    return { Type: "bind", Source: source, Target: path, ReadOnly: true };
  });
}
