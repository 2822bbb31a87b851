import { FlotillaError } from "#base/errors.ts";
import type { Container, CreateContainer } from "./engine.ts";

type Port = Container["ports"][number];

/** Where Linux looks for a free port. Source: ip_local_port_range. */
const FIRST_FREE_PORT = 32_768;

/**
 * The ports that the container of `body` would bind on a host where `taken` are bound.
 * @throws FlotillaError `internal`, as a real engine, when one is taken.
 */
export function bindPorts(body: CreateContainer, taken: readonly Port[]): Port[] {
  const isTaken = (wanted: Pick<Port, "protocol" | "published">, bound: readonly Port[]) =>
    [...taken, ...bound].some((port) => port.protocol === wanted.protocol && port.published === wanted.published);
  const bound: Port[] = [];
  for (const { protocol, target, published } of requestedPorts(body)) {
    let free = published;
    if (free === 0) for (free = FIRST_FREE_PORT; isTaken({ protocol, published: free }, bound); ) free++;
    else if (isTaken({ protocol, published }, bound)) {
      throw new FlotillaError(
        "internal",
        `driver failed programming external connectivity: Bind for 0.0.0.0:${published} failed: port is already allocated`,
      );
    }
    bound.push({ protocol, target, published: free });
  }
  return bound;
}

/** The port bindings of a container body; published 0 is for any. */
function requestedPorts(body: CreateContainer): Port[] {
  const { PortBindings } = (body["HostConfig"] ?? {}) as {
    readonly PortBindings?: Readonly<Record<string, readonly { readonly HostPort: string }[]>>;
  };
  return Object.entries(PortBindings ?? {}).flatMap(([key, bindings]) => {
    const [target, protocol] = key.split("/");
    return bindings.map(({ HostPort }) => ({
      protocol: protocol as Port["protocol"],
      target: Number(target),
      published: Number(HostPort || 0),
    }));
  });
}
