import { jsonRows } from "#network/json-rows.ts";
import { isBridge, isTunnel } from "#network/names.ts";
import { bridgeWords, keyOf, type LinkTable, portWords, tunnelWords } from "./link-fact.ts";

/** What `ip -batch` is asked, with `-json` and `-details`: all of our kind that could be there. */
export const LOOK_IP: readonly string[] = ["addr show", "neigh show nud permanent"];

/** A device of this host that a bridge of ours has as a port. */
export interface BridgePort {
  readonly index: number;
  readonly device: string;
  readonly bridge: string;
}

/** What the kernel holds of our kind. */
export interface ObservedLinks {
  /** Values by the keys of `LinkFact`. */
  readonly held: ReadonlyMap<string, string>;
  readonly bridges: ReadonlySet<string>;
  /** Without our own tunnels. */
  readonly ports: readonly BridgePort[];
  /** Addresses of our bridges that have a subnet: those that the engine gave them. */
  readonly gateways: ReadonlySet<string>;
}

/** The parts that matter of what iproute2 prints. Source: iproute2 6.1; older ones lack some fields, none is renamed. */
interface LinkRow {
  readonly ifindex: number;
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly master?: string;
  readonly address?: string;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: {
      readonly id?: number;
      readonly local?: string;
      readonly port?: number;
      readonly learning?: boolean;
      readonly proxy?: boolean;
    };
    readonly info_slave_data?: { readonly hairpin?: boolean };
  };
  readonly addr_info?: readonly { readonly family: string; readonly local: string; readonly prefixlen: number }[];
}

interface NeighbourRow {
  readonly dst: string;
  readonly dev: string;
  readonly lladdr?: string;
  readonly state: readonly string[];
}

interface ForwardingRow {
  readonly mac: string;
  readonly ifname?: string;
  readonly dst?: string;
}

type IpRow = LinkRow | NeighbourRow;

/** @param ip what `LOOK_IP` printed: one JSON array a line. @param bridge what `bridge -json fdb show` printed. */
export function parseLinks(ip: string, bridge: string): ObservedLinks {
  const found = new Finding();
  for (const row of ip.split("\n").flatMap(jsonRows<IpRow>)) {
    if ("ifname" in row) found.link(row);
    else found.neighbour(row);
  }
  for (const row of jsonRows<ForwardingRow>(bridge)) found.forwarding(row);
  return found;
}

class Finding implements ObservedLinks {
  readonly held = new Map<string, string>();
  readonly bridges = new Set<string>();
  readonly ports: BridgePort[] = [];
  readonly gateways = new Set<string>();

  link(row: LinkRow): void {
    const { ifname, flags, mtu, master, address = "", linkinfo } = row;
    const isUp = flags.includes("UP");
    if (isTunnel(ifname)) {
      this.#tunnel(ifname, linkinfo?.info_data ?? {});
      this.#hold("port", ifname, portWords(mtu, master, isUp));
    } else if (isBridge(ifname)) {
      this.bridges.add(ifname);
      this.#hold("bridge", ifname, bridgeWords(address, isUp));
      this.#addresses(ifname, row.addr_info ?? []);
    } else if (master !== undefined && isBridge(master)) {
      this.ports.push({ index: row.ifindex, device: ifname, bridge: master });
      this.#hold("hairpin", ifname, `hairpin ${linkinfo?.info_slave_data?.hairpin === true ? "on" : "off"}`);
    }
  }

  neighbour({ dst, dev, lladdr }: NeighbourRow): void {
    if (isTunnel(dev) && lladdr !== undefined) this.#hold("neighbour", `${dst} dev ${dev}`, `lladdr ${lladdr}`);
  }

  forwarding({ mac, ifname = "", dst }: ForwardingRow): void {
    if (isTunnel(ifname) && dst !== undefined) this.#hold("forwarding", `${mac} dev ${ifname}`, `dst ${dst}`);
  }

  #tunnel(device: string, data: NonNullable<NonNullable<LinkRow["linkinfo"]>["info_data"]>): void {
    const { id = 0, port = 0, local = "any", learning = false, proxy = false } = data;
    const words = tunnelWords({ vni: id, port, local, isLearning: learning, isProxy: proxy });
    this.#hold("tunnel", device, words);
  }

  #addresses(bridge: string, addresses: NonNullable<LinkRow["addr_info"]>): void {
    for (const { family, local, prefixlen } of addresses) {
      if (family !== "inet") continue;
      if (prefixlen === 32) this.#hold("address", `${local}/32 dev ${bridge}`, "");
      else this.gateways.add(local);
    }
  }

  #hold(table: LinkTable, name: string, value: string): void {
    this.held.set(keyOf(table, name), value);
  }
}
