import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import type { Labels } from "#model/spec.ts";
import { BRIDGE_NAME_OPTION } from "./docker-networks.ts";
import type { CreateNetwork, EngineNetwork } from "./engine.ts";
import type { FakeContainer } from "./fake-container.ts";

/** Networks that every engine has, and whose addresses nobody asks for. */
const PREDEFINED: ReadonlySet<string> = new Set(["default", "bridge", "host", "none"]);

interface IpamBody {
  readonly Config?: readonly { readonly Subnet?: string; readonly Gateway?: string }[];
}

/** The networks of a fake engine. What containers have on them is the containers' own. */
export class FakeNetworks {
  readonly #random: Random;
  readonly #byId = new Map<string, EngineNetwork>();

  constructor(random: Random) {
    this.#random = random;
  }

  all(): readonly EngineNetwork[] {
    return [...this.#byId.values()];
  }

  /** By id or name. @throws FlotillaError `not_found` */
  find(id: string): EngineNetwork {
    const found = this.#byId.get(id) ?? this.all().find(({ name }) => name === id);
    if (!found) throw new FlotillaError("not_found", `network ${id} not found`);
    return found;
  }

  create(body: CreateNetwork): string {
    if (this.all().some(({ name }) => name === body.Name)) {
      throw new FlotillaError("exists", `network with name ${body.Name} already exists`);
    }
    const { Config: [config] = [] } = (body["IPAM"] ?? {}) as IpamBody;
    if (config?.Subnet !== undefined && this.all().some(({ subnet }) => subnet === config.Subnet)) {
      throw new FlotillaError("forbidden", "Pool overlaps with other one on this address space");
    }
    const id = Buffer.from(this.#random.bytes(32)).toString("hex");
    this.#byId.set(id, {
      id,
      name: body.Name,
      labels: body.Labels,
      subnet: config?.Subnet,
      gateway: config?.Gateway,
      bridge: body.Options?.[BRIDGE_NAME_OPTION],
    });
    return id;
  }

  /** @throws FlotillaError `forbidden`, as a real engine, while a container runs on it. */
  remove(id: string, containers: readonly FakeContainer[]): void {
    const network = this.#byId.get(id);
    if (!network) return;
    if (containers.some(({ isRunning, inspected }) => isRunning && inspected.networks.some(isOn(network)))) {
      throw new FlotillaError(
        "forbidden",
        `error while removing network: network ${network.name} has active endpoints`,
      );
    }
    this.#byId.delete(id);
  }

  /**
   * Checks what a container needs before it starts.
   * @throws FlotillaError `not_found` for a network that there is not, `forbidden` for an address that is taken.
   */
  checkStart(container: FakeContainer, containers: readonly FakeContainer[]): void {
    for (const { name, address } of container.inspected.networks) {
      const network = this.find(name);
      const isRival = ({ isRunning, inspected }: FakeContainer) =>
        isRunning && inspected.networks.some((other) => isOn(network)(other) && other.address === address);
      if (address !== "" && (address === network.gateway || containers.some(isRival))) {
        throw new FlotillaError("forbidden", "Address already in use");
      }
    }
  }
}

const isOn = (network: EngineNetwork) => (place: { readonly name: string }) => place.name === network.name;

/** The networks that a container's body asks for. */
export function requestedNetworks(body: Readonly<Record<string, unknown>>) {
  const { NetworkMode = "default" } = (body["HostConfig"] ?? {}) as { readonly NetworkMode?: string };
  if (PREDEFINED.has(NetworkMode)) return [];
  const { EndpointsConfig = {} } = (body["NetworkingConfig"] ?? {}) as {
    readonly EndpointsConfig?: Readonly<Record<string, { readonly IPAMConfig?: { readonly IPv4Address?: string } }>>;
  };
  const address = EndpointsConfig[NetworkMode]?.IPAMConfig?.IPv4Address ?? "";
  return [{ name: NetworkMode, networkId: "", address }];
}

/** Whether an object carries all labels that a question asks for. */
export const carries = (labels: Labels, wanted: Labels): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);
