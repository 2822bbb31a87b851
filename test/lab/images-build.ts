import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { execute, type Finished, run } from "#lab/command.ts";
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

/** A line of an engine's progress. */
export interface ProgressLine {
  readonly id?: string;
  readonly status?: string;
  readonly stream?: string;
  readonly error?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
}

/** Builds an image with the classic builder as clients do, and gives back all that they would be told. */
export async function buildLines(host: LabHost, context: BuildContext, name: string): Promise<readonly ProgressLine[]> {
  const archive = join(context.path, "context.tar");
  await run({ argv: ["tar", "-C", context.path, "--exclude", "context.tar", "-cf", archive, "."] }, signal);
  const headers = { "Content-Type": "application/x-tar" };
  const path = `/v1.41/build?t=${encodeURIComponent(name)}`;
  const call = request({ socketPath: host.daemonSocket, method: "POST", path, headers, agent: false });
  call.end(readFileSync(archive));
  const [answer] = (await once(call, "response")) as [IncomingMessage];
  return (await text(answer))
    .split("\r\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as ProgressLine);
}

/** The id of the image that a name means to a host's own engine; "" when it means none. */
export async function imageOn(host: LabHost, image: string): Promise<string> {
  const argv = ["docker", "--host", `unix://${host.engineSocket}`, "image", "inspect", "--format", "{{.Id}}", image];
  return (await execute({ argv }, signal)).stdout.trim();
}
