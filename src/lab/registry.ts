import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LabHost } from "./host.ts";
import { hasCommand, type Prerequisite } from "./prerequisites.ts";
import { until } from "./until.ts";

/** The port that registries use by custom. */
const REGISTRY_PORT = 5000;
const START_MS = 20_000;

/** Only a lab with a registry needs it. */
export const REGISTRY_PREREQUISITE: Prerequisite = {
  package: "docker-registry",
  reason: "a registry on the lab's network",
  isMet: () => hasCommand("docker-registry"),
};

/** A registry without TLS; the engines of a lab accept one on the lab's network. */
const renderConfig = (root: string, accounts: string | undefined): string =>
  JSON.stringify({
    version: 0.1,
    log: { level: "warn" },
    storage: { filesystem: { rootdirectory: root }, delete: { enabled: true } },
    http: { addr: `:${REGISTRY_PORT}` },
    ...(accounts !== undefined && { auth: { htpasswd: { realm: "lab", path: accounts } } }),
  });

/**
 * Starts a registry on a host. Gives back its address, which image names begin with: `10.77.0.1:5000`.
 * @param accounts who may use it, as `htpasswd -B` writes them; everybody without.
 */
export async function startRegistry(host: LabHost, signal: AbortSignal, accounts?: string): Promise<string> {
  const root = join(host.data, "registry");
  mkdirSync(root, { recursive: true });
  const config = join(root, "config.yml");
  const file = accounts === undefined ? undefined : join(root, "accounts");
  if (file !== undefined) writeFileSync(file, `${accounts}\n`);
  writeFileSync(config, renderConfig(root, file)); // YAML takes JSON as it is
  await host.process("registry").start(["docker-registry", "serve", config], signal);
  const address = `${host.address}:${REGISTRY_PORT}`;
  // One that asks who is there answers too.
  const answers = async () => {
    const { stderr, code } = await host.exec(["busybox", "wget", "-q", "-O", "-", `http://${address}/v2/`], signal);
    return code === 0 || stderr.includes("401");
  };
  await until(`the start of the registry of ${host.name}`, START_MS, answers, signal);
  return address;
}

/** Pushes an image that the host's engine has; gives back the name that any engine of the lab can pull it by. */
export async function pushImage(host: LabHost, image: string, registry: string, signal: AbortSignal): Promise<string> {
  const name = `${registry}/${image}`;
  await host.docker(["tag", image, name], signal);
  await host.docker(["push", "--quiet", name], signal);
  return name;
}
