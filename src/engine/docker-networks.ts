import { errorCode } from "#base/errors.ts";
import type { Labels } from "#model/spec.ts";
import type { CreateNetwork, EndpointSettings, EngineNetwork } from "./engine.ts";
import { labelFilter } from "./events.ts";
import type { EngineClient } from "./http-client.ts";

/** The driver's option that names a network's Linux bridge. */
export const BRIDGE_NAME_OPTION = "com.docker.network.bridge.name";
/** The driver's option that says what of the outside may reach the containers. Source: Docker 28.0 (API 1.48). */
export const GATEWAY_MODE_OPTION = "com.docker.network.bridge.gateway_mode_ipv4";
const GATEWAY_MODE_API = 48;

interface NetworkResponse {
  readonly Id: string;
  readonly Name: string;
  readonly Labels?: Labels | null;
  readonly Options?: Labels | null;
  readonly IPAM?: {
    readonly Config?: readonly { readonly Subnet?: string; readonly Gateway?: string }[] | null;
  } | null;
}

/** The networks of a Docker Engine: that part of the port. */
export class DockerNetworks {
  readonly #client: EngineClient;

  constructor(client: EngineClient) {
    this.#client = client;
  }

  async list(labels: Labels, signal: AbortSignal): Promise<readonly EngineNetwork[]> {
    const query = { filters: JSON.stringify({ label: labelFilter(labels) }) };
    const found = await this.#client.json<readonly NetworkResponse[] | null>(
      { method: "GET", path: "/networks", query },
      signal,
    );
    return (found ?? []).map(parseNetwork);
  }

  /** Engines that know no gateway modes, or not all of them, do what `nat-unprotected` says anyway, or refuse it. */
  async create(network: CreateNetwork, signal: AbortSignal): Promise<string> {
    const knowsModes = await this.#client.speaks(GATEWAY_MODE_API, signal);
    // Before API 1.44 an engine makes two networks of one name, unless it is told to look.
    const body = { CheckDuplicate: true, ...(knowsModes ? network : withoutOption(network, GATEWAY_MODE_OPTION)) };
    const { Id } = await this.#client.json<{ readonly Id: string }>(
      { method: "POST", path: "/networks/create", body },
      signal,
    );
    return Id;
  }

  async remove(id: string, signal: AbortSignal): Promise<void> {
    await unlessGone(this.#client.json({ method: "DELETE", path: networkPath(id) }, signal));
  }

  async connect(id: string, container: string, endpoint: EndpointSettings, signal: AbortSignal): Promise<void> {
    const body = { Container: container, EndpointConfig: endpoint };
    await this.#client.json({ method: "POST", path: `${networkPath(id)}/connect`, body }, signal);
  }

  async disconnect(id: string, container: string, signal: AbortSignal): Promise<void> {
    const body = { Container: container, Force: true };
    const call = this.#client.json({ method: "POST", path: `${networkPath(id)}/disconnect`, body }, signal);
    await unlessGone(call).catch((err: unknown) => {
      if (!/is not connected to/.test(err instanceof Error ? err.message : "")) throw err;
    });
  }
}

const networkPath = (id: string): string => `/networks/${encodeURIComponent(id)}`;

const parseNetwork = ({ Id, Name, Labels, Options, IPAM }: NetworkResponse): EngineNetwork => ({
  id: Id,
  name: Name,
  labels: Labels ?? {},
  subnet: IPAM?.Config?.[0]?.Subnet,
  gateway: IPAM?.Config?.[0]?.Gateway,
  bridge: Options?.[BRIDGE_NAME_OPTION],
});

function withoutOption(network: CreateNetwork, name: string): CreateNetwork {
  const { Options } = network;
  if (Options === undefined) return network;
  return { ...network, Options: Object.fromEntries(Object.entries(Options).filter(([key]) => key !== name)) };
}

async function unlessGone(answer: Promise<unknown>): Promise<void> {
  try {
    await answer;
  } catch (err) {
    if (errorCode(err) !== "not_found") throw err;
  }
}
