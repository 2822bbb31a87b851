import { createHash } from "node:crypto";
import { FlotillaError } from "#base/errors.ts";
import { type ImageFile, packFiles } from "./image-files.ts";

/** An image as its Dockerfile would describe it. */
export interface ImageSpec {
  /** Names with tags, such as `flotilla/demo:1`. */
  readonly names: readonly string[];
  /** Files of each layer, the lowest first. Specs that share the same array share the layer. */
  readonly layers: readonly (readonly ImageFile[])[];
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** Such as `80/tcp`. */
  readonly exposedPorts?: readonly string[];
  /** Paths inside the container. */
  readonly volumes?: readonly string[];
  readonly user?: string;
  readonly workingDir?: string;
  readonly stopSignal?: string;
  readonly healthcheck?: {
    /** As in the Engine API: the first word is `CMD` or `CMD-SHELL`. */
    readonly test: readonly string[];
    readonly intervalMs?: number;
    readonly timeoutMs?: number;
    readonly startPeriodMs?: number;
    readonly retries?: number;
  };
}

/** Node's names for processors → Go's, which images use. */
const ARCHITECTURES: Partial<Record<NodeJS.Architecture, string>> = { x64: "amd64", arm64: "arm64" };

/** The Engine API counts nanoseconds. */
const NANOSECONDS_PER_MS = 1_000_000;

/** Fixed, so that the same spec is the same image on every engine and in every run. */
const CREATED = "2024-01-01T00:00:00Z";

const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");

/** A set, as Go encodes one in JSON. */
const setOf = (members: readonly string[]): Record<string, object> =>
  Object.fromEntries(members.map((member) => [member, {}]));

function healthcheck(check: NonNullable<ImageSpec["healthcheck"]>): object {
  const nanoseconds = (ms: number | undefined) => (ms === undefined ? undefined : ms * NANOSECONDS_PER_MS);
  return {
    Test: check.test,
    Interval: nanoseconds(check.intervalMs),
    Timeout: nanoseconds(check.timeoutMs),
    StartPeriod: nanoseconds(check.startPeriodMs),
    Retries: check.retries,
  };
}

/** The image's configuration; the digest of its text is the image's id. */
function renderConfig(spec: ImageSpec, diffIds: readonly string[]): string {
  const architecture = ARCHITECTURES[process.arch];
  if (architecture === undefined) throw new FlotillaError("unimplemented", `no image can be made for ${process.arch}`);
  return JSON.stringify({
    architecture,
    os: "linux",
    created: CREATED,
    config: {
      Entrypoint: spec.entrypoint,
      Cmd: spec.cmd,
      Env: Object.entries({ PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...spec.env }).map(
        ([name, value]) => `${name}=${value}`,
      ),
      Labels: spec.labels,
      ExposedPorts: spec.exposedPorts && setOf(spec.exposedPorts),
      Volumes: spec.volumes && setOf(spec.volumes),
      User: spec.user,
      WorkingDir: spec.workingDir,
      StopSignal: spec.stopSignal,
      Healthcheck: spec.healthcheck && healthcheck(spec.healthcheck),
    },
    rootfs: { type: "layers", diff_ids: diffIds.map((digest) => `sha256:${digest}`) },
    history: diffIds.map(() => ({ created: CREATED })),
  });
}

/** One archive with all images, for `docker load`. The same specs give the same image ids on every engine. */
export async function packImages(specs: readonly ImageSpec[]): Promise<Buffer> {
  const layers = new Map<readonly ImageFile[], { readonly digest: string; readonly content: Buffer }>();
  for (const files of new Set(specs.flatMap((spec) => spec.layers))) {
    const content = await packFiles(files);
    layers.set(files, { digest: sha256(content), content });
  }
  const images = specs.map((spec) => {
    const digests = spec.layers.flatMap((files) => layers.get(files)?.digest ?? []);
    const config = renderConfig(spec, digests);
    return { spec, digests, config, configPath: `${sha256(config)}.json` };
  });
  const manifest = images.map(({ spec, digests, configPath }) => ({
    Config: configPath,
    RepoTags: spec.names,
    Layers: digests.map((digest) => `${digest}/layer.tar`),
  }));
  const contents = new Map<string, string | Uint8Array>([["manifest.json", JSON.stringify(manifest)]]);
  for (const { config, configPath } of images) contents.set(configPath, config);
  for (const { digest, content } of layers.values()) contents.set(`${digest}/layer.tar`, content);
  return packFiles([...contents].map(([path, content]) => ({ path, content })));
}
