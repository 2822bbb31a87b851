import { askApi } from "#cli/api-client.ts";
import { execute } from "#lab/command.ts";
import type { EngineFacts } from "./facts.ts";

interface VersionJson {
  readonly Version: string;
  readonly ApiVersion: string;
}

interface InfoJson {
  readonly Swarm?: { readonly LocalNodeState?: string };
  readonly FirewallBackend?: { readonly Driver?: string };
  readonly LiveRestoreEnabled?: boolean;
}

/** What the engine says of itself; why it says nothing otherwise. */
export async function gatherEngine(url: string, signal: AbortSignal): Promise<EngineFacts | string> {
  try {
    const version = (await askApi(url, "/version", signal)).body as VersionJson;
    const info = (await askApi(url, "/info", signal)).body as InfoJson;
    const firewall = info.FirewallBackend?.Driver;
    return {
      version: version.Version,
      apiVersion: version.ApiVersion,
      swarm: info.Swarm?.LocalNodeState ?? "inactive",
      firewall,
      liveRestore: info.LiveRestoreEnabled ?? false,
      hasUserChain: firewall?.startsWith("nftables") ? undefined : await hasUserChain(signal),
    };
  } catch {
    signal.throwIfAborted();
    return `nobody answers at ${url}`;
  }
}

async function hasUserChain(signal: AbortSignal): Promise<boolean | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  return (await execute({ argv: ["iptables", "--wait", "--numeric", "--list", "DOCKER-USER"] }, signal)).code === 0;
}
