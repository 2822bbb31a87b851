import { existsSync } from "node:fs";
import { errorCode } from "#base/errors.ts";
import { execute } from "#lab/command.ts";
import { DEFAULT_SOCKET } from "./daemon-options.ts";

/**
 * Where to find the Engine API when the command line does not say: `DOCKER_HOST`, else this host's own daemon, else what
 * the docker CLI's current context points to.
 */
export async function defaultApiHost(signal: AbortSignal): Promise<string> {
  const named = process.env["DOCKER_HOST"];
  if (named) return named;
  if (existsSync(DEFAULT_SOCKET.slice("unix://".length))) return DEFAULT_SOCKET;
  return (await contextHost(signal)) ?? DEFAULT_SOCKET;
}

async function contextHost(signal: AbortSignal): Promise<string | undefined> {
  const argv = ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"];
  try {
    const { code, stdout } = await execute({ argv }, signal);
    return code === 0 && stdout.trim() !== "" ? stdout.trim() : undefined;
  } catch (err) {
    if (errorCode(err) === "not_found") return undefined;
    throw err;
  }
}
