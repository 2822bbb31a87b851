import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execute, type Finished } from "#lab/command.ts";
import type { LabHost } from "#lab/host.ts";
import { signal } from "./cluster.ts";

/** Debian's client, which has both builders in itself. */
const CLIENT = "/usr/bin/docker";

/** A directory to build an image from. Disposal removes it. */
export class BuildContext implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "flotilla-build-"));

  constructor(dockerfile: string) {
    this.write("Dockerfile", dockerfile);
  }

  write(name: string, content: string | Uint8Array): void {
    writeFileSync(join(this.path, name), content);
  }

  /** What no image has yet, and no compression makes smaller. */
  writeRandom(name: string, bytes: number): void {
    this.write(name, randomBytes(bytes));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

export type Builder = "classic" | "buildkit";

/** The command that builds an image through a host's daemon, with the client's own output in plain lines. */
export const buildCommand = (host: LabHost, builder: Builder, argv: readonly string[]): readonly string[] => [
  "env",
  `DOCKER_BUILDKIT=${builder === "buildkit" ? 1 : 0}`,
  "BUILDKIT_PROGRESS=plain",
  CLIENT,
  "--host",
  `unix://${host.daemonSocket}`,
  "build",
  ...argv,
];

/** Builds an image through a host's daemon, to the end, whatever the exit code. */
export const build = (host: LabHost, builder: Builder, ...argv: readonly string[]): Promise<Finished> =>
  execute({ argv: buildCommand(host, builder, argv) }, signal);

/** The id of the image that a name means to a host's own engine; "" when it means none. */
export async function imageOn(host: LabHost, image: string): Promise<string> {
  const argv = ["docker", "--host", `unix://${host.engineSocket}`, "image", "inspect", "--format", "{{.Id}}", image];
  return (await execute({ argv }, signal)).stdout.trim();
}
