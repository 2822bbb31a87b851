import type { Fact } from "#network/wanted.ts";

/**
 * The tables of the kernel that we write to, but for the firewall's, in the order in which they are filled.
 *
 * - `tunnel`, `port`, `bridge`: that a VXLAN device exists, what it is plugged into, and the bridge's own attributes
 * - `hairpin`: that a bridge may send back to a container what came from it: a container that calls itself by a service
 * - `setting`: a file under /proc/sys
 */
export type LinkTable = "setting" | "tunnel" | "port" | "bridge" | "hairpin" | "address" | "neighbour" | "forwarding";

/**
 * An entry of such a table, in iproute2's own words: `name` and `value` are what its commands take, so that what is
 * wanted, what is found and what is done about the difference can be compared and read as text.
 */
export interface LinkFact extends Fact {
  readonly table: LinkTable;
  readonly name: string;
  /** The bridge without which it cannot exist; undefined when it needs none. */
  readonly bridge: string | undefined;
  /** The tunnel that it goes with when that is removed. */
  readonly tunnel: string | undefined;
}

interface Needs {
  readonly bridge?: string;
  readonly tunnel?: string;
}

export const keyOf = (table: LinkTable, name: string): string => `${table} ${name}`;

const fact = (table: LinkTable, name: string, value: string, { bridge, tunnel }: Needs): LinkFact => ({
  key: keyOf(table, name),
  value,
  table,
  name,
  bridge,
  tunnel,
});

export interface TunnelParameters {
  readonly vni: number;
  readonly port: number;
  /** The host's address. */
  readonly local: string;
  readonly isLearning: boolean;
  readonly isProxy: boolean;
}

export const tunnelWords = ({ vni, port, local, isLearning, isProxy }: TunnelParameters): string =>
  `type vxlan id ${vni} dstport ${port} local ${local} ${isLearning ? "" : "no"}learning ${isProxy ? "" : "no"}proxy`;

export const tunnelFact = (tunnel: string, bridge: string, parameters: TunnelParameters): LinkFact =>
  fact("tunnel", tunnel, tunnelWords(parameters), { bridge, tunnel });

export const portWords = (mtu: number, bridge: string | undefined, isUp: boolean): string =>
  `mtu ${mtu} ${bridge === undefined ? "nomaster" : `master ${bridge}`} ${isUp ? "up" : "down"}`;

export const portFact = (tunnel: string, bridge: string, mtu: number): LinkFact =>
  fact("port", tunnel, portWords(mtu, bridge, true), { bridge, tunnel });

export const bridgeWords = (mac: string, isUp: boolean): string => `address ${mac} ${isUp ? "up" : "down"}`;

export const bridgeFact = (bridge: string, mac: string): LinkFact =>
  fact("bridge", bridge, bridgeWords(mac, true), { bridge });

export const hairpinFact = (port: string, bridge: string): LinkFact => fact("hairpin", port, "hairpin on", { bridge });

export const settingFact = (path: string, value: string, bridge?: string): LinkFact =>
  fact("setting", path, value, bridge === undefined ? {} : { bridge });

/** A further address of this host, without a subnet of its own. */
export const addressFact = (address: string, bridge: string): LinkFact =>
  fact("address", `${address}/32 dev ${bridge}`, "", { bridge });

/** Lets the tunnel answer questions for the MAC of `address` in place of the node that has it. */
export const neighbourFact = (address: string, mac: string, tunnel: string, bridge: string): LinkFact =>
  fact("neighbour", `${address} dev ${tunnel}`, `lladdr ${mac}`, { bridge, tunnel });

/** Frames for `mac` go through the tunnel to `host`. */
export const forwardingFact = (mac: string, host: string, tunnel: string, bridge: string): LinkFact =>
  fact("forwarding", `${mac} dev ${tunnel}`, `dst ${host}`, { bridge, tunnel });
