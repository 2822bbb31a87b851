import { hex, MARK_BASE, MARK_MASK } from "#network/names.ts";
import type { Family } from "./rule-fact.ts";

/** A set or map of our tables: what it holds, and its declaration in the language of nftables. */
export interface SetDeclaration {
  readonly family: Family;
  readonly name: string;
  readonly kind: "set" | "map";
  readonly purpose: string;
  readonly declaration: string;
}

const set = (family: Family, name: string, declaration: string, purpose: string): SetDeclaration => ({
  family,
  name,
  kind: declaration.includes(" : ") ? "map" : "set",
  purpose,
  declaration,
});

export const SETS: readonly SetDeclaration[] = [
  set("ip", "subnets", "type ipv4_addr; flags interval;", "the networks' subnets"),
  set("ip", "gateways", "type ipv4_addr;", "this node's own address on each network"),
  set("ip", "own_gateways", "type ifname . ipv4_addr;", "the same, with the network's bridge"),
  set("ip", "within", "type ifname . ifname;", "bridges whose containers may talk to each other: all but the mesh's"),
  set("ip", "internal", "type ifname;", "bridges of networks without a way in or out"),
  set("ip", "peers", "type ipv4_addr;", "the nodes at the other ends of our tunnels"),
  set("ip", "tunnel_ports", "type inet_service;", "UDP ports of the tunnels"),
  set(
    "ip",
    "virtual_ips",
    "type ifname . ipv4_addr : verdict;",
    "services' addresses, for the containers of a network",
  ),
  set("ip", "published_ports", "type inet_proto . inet_service : verdict;", "ports of the routing mesh"),
  set("ip", "refused_ports", "type inet_proto . inet_service;", "those of them that nobody serves at present"),
  set(
    "ip",
    "answer_ports",
    "type ipv4_addr . inet_service : inet_service;",
    "by which published port a container's TCP server is known",
  ),
  set("ip", "hairpins", "type ipv4_addr . ipv4_addr;", "two addresses of one container"),
  set("ip", "ingress", "type ifname;", "the bridge of the mesh's network"),
  set("ip", "mesh_targets", "type ipv4_addr . inet_proto . inet_service;", "what containers of this node publish"),
  set("ip", "mesh_containers", "type ether_addr;", "the same containers on the mesh's network"),
  set("ip", "entry_zones", "typeof ether saddr : ct zone;", "nodes by which connections come in, and their zones"),
  set("ip", "entry_marks", "type ether_addr : mark;", "the same nodes, and their marks"),
  set("bridge", "subnets", "type ipv4_addr; flags interval;", "the networks' subnets"),
  set("bridge", "peers", "type ether_addr;", "the other nodes' bridges"),
  set("bridge", "local", "type ether_addr . ipv4_addr;", "the containers of this node"),
  set("bridge", "guests", "type ifname;", "ports of our bridges"),
  set("bridge", "senders", "type ifname . ether_addr . ipv4_addr;", "who may send from which address at which port"),
  set("bridge", "mirrors", "type ifname . ifname;", "each port with itself"),
  set("bridge", "entries", "type mark : ether_addr;", "by marks, the nodes by which connections came in"),
];

const MARKED = `& ${hex(MARK_MASK)} == ${hex(MARK_BASE)}`;

/** A chain of our tables that is always the same. */
export interface ChainDeclaration {
  readonly family: Family;
  readonly name: string;
  /** Rules, and comments, which begin with `#`. */
  readonly lines: readonly string[];
}

const chain = (family: Family, name: string, ...lines: readonly string[]): ChainDeclaration => ({
  family,
  name,
  lines,
});

/** Chains that are jumped to stand before those that jump. */
export const CHAINS: readonly ChainDeclaration[] = [
  chain(
    "ip",
    "raw_prerouting",
    "type filter hook prerouting priority raw; policy accept;",
    "# the host's loopback address is for the host alone",
    'iifname "fl-br*" ip daddr 127.0.0.0/8 drop',
    "# a container's address comes from a container",
    'iifname != { "fl-br*", "lo" } ip saddr @subnets drop',
    "# the outer packets of tunnels need no connection tracking",
    "udp dport @tunnel_ports ip saddr @peers notrack",
    "# one client's port may come in by several nodes: one zone each keeps the connections apart",
    "iifname @ingress ct original zone set ether saddr map @entry_zones",
  ),
  chain(
    "ip",
    "raw_output",
    "type filter hook output priority raw; policy accept;",
    "udp dport @tunnel_ports ip daddr @peers notrack",
  ),
  chain(
    "ip",
    "mangle_prerouting",
    "type filter hook prerouting priority mangle; policy accept;",
    "# a connection remembers by which node it came in, and its replies are marked with that",
    "ct state new iifname @ingress ct mark set ether saddr map @entry_marks",
    `ct direction reply ct mark ${MARKED} iifname @ingress meta mark set ct mark`,
  ),
  chain("ip", "published", "meta l4proto . th dport vmap @published_ports"),
  chain(
    "ip",
    "nat_prerouting",
    "type nat hook prerouting priority -105; policy accept;",
    "iifname . ip daddr vmap @virtual_ips",
    "iifname @internal return",
    "# of our addresses a container has only its own gateway's for published ports",
    "ip daddr @subnets iifname . ip daddr != @own_gateways return",
    "fib daddr type local jump published",
    "# a container that asks another node finds the same here, and is seen with its own address",
    'iifname "fl-br*" ip daddr @peers jump published',
  ),
  chain(
    "ip",
    "nat_output",
    "type nat hook output priority -105; policy accept;",
    "ip daddr @subnets ip daddr != @gateways return",
    "# packets for an address of this host's own",
    'oifname "lo" jump published',
  ),
  chain("ip", "refuse", "meta l4proto tcp reject with tcp reset", "reject with icmp port-unreachable"),
  chain(
    "ip",
    "tunnels",
    "# encapsulated packets come from peers, never from containers",
    'iifname "fl-br*" drop',
    "ip saddr != @peers drop",
  ),
  chain(
    "ip",
    "own_gateway",
    "iifname != @internal accept",
    "# of an internal network's gateway: names, and whether it is there",
    "meta l4proto { tcp, udp } th dport 53 accept",
    "icmp type echo-request accept",
    "goto refuse",
  ),
  chain(
    "ip",
    "from_container",
    "iifname . ip daddr @own_gateways goto own_gateway",
    "ip daddr @gateways goto refuse",
    "iifname @internal goto refuse",
  ),
  chain(
    "ip",
    "filter_input",
    "type filter hook input priority filter; policy accept;",
    "udp dport @tunnel_ports goto tunnels",
    "ct state established,related accept",
    "# a virtual address that leads nowhere is no address of the host's own services",
    "ip daddr @subnets ip daddr != @gateways goto refuse",
    "meta l4proto . th dport @refused_ports goto refuse",
    'iifname "fl-br*" jump from_container',
  ),
  chain(
    "ip",
    "filter_forward",
    "type filter hook forward priority filter; policy accept;",
    "# nobody speaks to the tunnels of our peers through this host",
    "udp dport @tunnel_ports ip daddr @peers drop",
    'iifname != "fl-br*" oifname != "fl-br*" accept',
    'iifname "fl-br*" udp dport @tunnel_ports drop',
    "ct state established,related accept",
    "# would pass untranslated, and end a connection that is well",
    "ct state invalid drop",
    "iifname . oifname @within accept",
    "iifname @internal goto refuse",
    "oifname @internal goto refuse",
    "# published ports: ours, and those that the engine publishes on this host",
    "ct status dnat accept",
    "# what another node has let into the mesh, but nothing that a container has begun there",
    'iifname @ingress oifname "fl-br*" ether saddr @mesh_containers goto refuse',
    "iifname @ingress ip daddr . meta l4proto . th dport @mesh_targets accept",
    "# nothing else is begun from outside, from another network or on the mesh's network",
    'oifname "fl-br*" goto refuse',
  ),
  chain(
    "ip",
    "nat_postrouting",
    "type nat hook postrouting priority 95; policy accept;",
    "# the host calls a published port at its loopback address",
    'oifname "fl-br*" ip saddr 127.0.0.0/8 masquerade',
    "# a container that reaches itself must not see its own address",
    'oifname "fl-br*" ip saddr . ip daddr @hairpins masquerade',
    "# a connection that the kernel has lost track of goes on, by the port that its client knows",
    'oifname != "fl-br*" tcp flags & (syn | rst) == 0 masquerade to : ip saddr . tcp sport map @answer_ports',
    "# the world outside does not know containers' addresses",
    'oifname != "fl-br*" ip saddr @subnets masquerade',
  ),
  chain(
    "bridge",
    "guest",
    "iifname . ether saddr . ip saddr @senders accept",
    "iifname . ether saddr . arp saddr ip @senders iifname . arp saddr ether . arp saddr ip @senders accept",
    "drop",
  ),
  chain(
    "bridge",
    "prerouting",
    "type filter hook prerouting priority -300; policy accept;",
    'iifname "fl-vx*" accept',
    "iifname @guests goto guest",
    "# ports that nobody has told us of yet: the containers of this node are known all the same",
    "ether saddr @peers drop",
    "ip saddr @subnets ether saddr . ip saddr != @local drop",
    "arp saddr ip @subnets arp saddr ether . arp saddr ip != @local drop",
  ),
  chain(
    "bridge",
    "entry",
    "type filter hook prerouting priority 100; policy accept;",
    "# replies of the mesh cross the bridge to the node by which their connection came in: no route is asked",
    "ether daddr set meta mark map @entries meta mark set 0",
  ),
  chain(
    "bridge",
    "forward",
    "type filter hook forward priority 0; policy accept;",
    "# a port may send back what came from it, but not to all",
    "ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 iifname . oifname @mirrors drop",
  ),
];
