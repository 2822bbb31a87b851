/** What was found out about a host. `undefined` always means: could not be found out. */
export interface HostFacts {
  /** Whether the kernel did each of these things on trial. */
  readonly kernel: Readonly<Record<KernelFeature, boolean | undefined>>;
  /** Whether each program is on the PATH. */
  readonly programs: Readonly<Record<Program, boolean>>;
  /** A message instead when the engine does not answer. */
  readonly engine: EngineFacts | string;
  readonly ports: readonly PortFacts[];
  readonly routes: readonly Route[];
  /** Where the subnets of networks come from, in CIDR notation. */
  readonly addressPools: readonly string[];
  /** How far this host's clock is ahead of a manager's, in ms; `undefined` when the host is in no cluster. */
  readonly clock: { readonly manager: string; readonly aheadMs: number | undefined } | undefined;
  readonly peers: readonly PeerFacts[];
}

export type KernelFeature = "vxlan" | "bridge" | "br_netfilter" | "nf_tables";
export type Program = "ip" | "bridge" | "nft" | "conntrack";

export interface EngineFacts {
  readonly version: string;
  readonly apiVersion: string;
  /** State of its own swarm mode; `inactive` is as it should be. */
  readonly swarm: string;
  /** `iptables`, `nftables`, or with firewalld; engines before 28.3 do not say, and use iptables. */
  readonly firewall: string | undefined;
  readonly liveRestore: boolean;
  /** Whether the engine's chain for rules of others is there. Only asked for with iptables. */
  readonly hasUserChain: boolean | undefined;
}

export interface PortFacts {
  readonly number: number;
  readonly protocol: "tcp" | "udp";
  readonly use: string;
  /** What has it, as `ss` or the kernel names it; undefined when it is free. */
  readonly holder: { readonly name: string; readonly isOurs: boolean } | undefined;
}

export interface Route {
  /** CIDR notation. */
  readonly destination: string;
  readonly device: string;
}

export interface PeerFacts {
  readonly name: string;
  readonly address: string;
  /** Whether a packet of `MTU` bytes, that nobody may divide, gets there; a small one; nothing can be said. */
  readonly reach: "large" | "small" | "none" | "unknown";
}

/** The size of the largest packet that networks with Docker's usual MTU (1450) send: 50 bytes of VXLAN are added. */
export const TUNNEL_MTU = 1500;
