import { macOf } from "#model/mac-address.ts";
import { element, joined, quoted, type RuleFact } from "./rule-fact.ts";

/** A port of one of our bridges, and who may speak there. */
export interface GuestPort {
  readonly device: string;
  /** The container's address on the network of the bridge; several while it is not known which container it is. */
  readonly addresses: readonly string[];
  /**
   * The container's addresses on other networks: it may answer from those here, and ask from those for the gateway, for
   * what it sends goes by its default route, not by the network that it was asked on.
   */
  readonly others: readonly string[];
}

/** What may come in at the ports of our bridges: nothing but IPv4 and ARP, and nobody else's address. */
export const guestRules = (ports: readonly GuestPort[]): readonly RuleFact[] =>
  ports.flatMap(({ device, addresses, others }) => {
    const port = quoted(device);
    return [
      element("bridge", "guests", port),
      element("bridge", "mirrors", joined(port, port)),
      ...addresses.flatMap((address) =>
        [address, ...others].map((own) => element("bridge", "senders", joined(port, macOf(address), own))),
      ),
    ];
  });
