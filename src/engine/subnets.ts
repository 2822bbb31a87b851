import { EngineClient } from "./http-client.ts";

interface NetworkJson {
  readonly IPAM?: { readonly Config?: readonly { readonly Subnet?: string }[] | null };
}

/** The subnets of the engine's own networks: addresses in them mean nothing to other hosts. */
export async function engineSubnets(url: string, signal: AbortSignal): Promise<readonly string[]> {
  using client = new EngineClient(url);
  const networks = await client.json<readonly NetworkJson[]>({ method: "GET", path: "/networks" }, signal);
  return (networks ?? []).flatMap((network) => (network.IPAM?.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []));
}
