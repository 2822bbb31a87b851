import { covers, overlaps, parseCidr } from "#base/ipv4.ts";
import type { EngineFacts, HostFacts, KernelFeature, PeerFacts, PortFacts, Program, Route } from "./facts.ts";
import { TUNNEL_MTU } from "./facts.ts";

/**
 * - `problem`: something will not work.
 * - `notice`: something may surprise.
 * - `unknown`: could not be checked.
 */
export type Verdict = "ok" | "notice" | "problem" | "unknown";

export interface Finding {
  readonly verdict: Verdict;
  /** What was looked at. */
  readonly subject: string;
  /** What it is like, and unless all is well what to do. */
  readonly text: string;
}

/** The oldest API that has all that is asked of an engine: that of Docker 20.10. */
const LEAST_API = "1.41";

/** Certificates are valid from an hour before they were made. Further apart, nodes cannot join. */
const MOST_APART_MS = 60 * 60_000;
/** Times of tasks and logs of different hosts are hard to compare when they are further apart. */
const NOTICEABLY_APART_MS = 2_000;

const ok = (subject: string, text: string): Finding => ({ verdict: "ok", subject, text });
const notice = (subject: string, text: string): Finding => ({ verdict: "notice", subject, text });
const problem = (subject: string, text: string): Finding => ({ verdict: "problem", subject, text });
const unknown = (subject: string, text: string): Finding => ({ verdict: "unknown", subject, text });

/** What is to be said about a host, in the order in which to mend it. */
export const judge = (facts: HostFacts): readonly Finding[] => [
  ...Object.entries(PROGRAMS).map(([name, debian]) => judgeProgram(name, debian, facts.programs[name as Program])),
  ...Object.entries(FEATURES).map(([name, hint]) => judgeFeature(name, hint, facts.kernel[name as KernelFeature])),
  ...judgeEngine(facts.engine),
  ...facts.ports.map(judgePort),
  ...judgeRoutes(facts.routes, facts.addressPools),
  judgeClock(facts.clock),
  ...judgePeers(facts.peers),
];

/** Debian's package of each program. */
const PROGRAMS: Readonly<Record<Program, string>> = {
  ip: "iproute2",
  bridge: "iproute2",
  nft: "nftables",
  conntrack: "conntrack",
};

/** What to do about each feature that a kernel lacks. */
const FEATURES: Readonly<Record<KernelFeature, string>> = {
  bridge: "load the module bridge, or boot a kernel that has it",
  br_netfilter: "load the module br_netfilter: without it answers to virtual addresses get lost",
  vxlan: "load the module vxlan, or boot a kernel that has it: without it networks end at the host",
  nf_tables: "boot a kernel with nf_tables (5.4 or newer), with its modules nft_nat, nft_masq and nft_hash",
};

const judgeProgram = (name: string, debian: string, isThere: boolean): Finding =>
  isThere ? ok(name, "installed") : problem(name, `not on the PATH: install it (Debian: apt-get install ${debian})`);

function judgeFeature(name: string, hint: string, works: boolean | undefined): Finding {
  const subject = `kernel: ${name}`;
  if (works === undefined) return unknown(subject, "not checked: run this command as root");
  return works ? ok(subject, "works") : problem(subject, `does not work: ${hint}`);
}

function judgeEngine(engine: EngineFacts | string): readonly Finding[] {
  if (typeof engine === "string") return [problem("engine", `${engine}: start it, or name its address with --engine`)];
  const { version, apiVersion, swarm, firewall, hasUserChain, liveRestore } = engine;
  return [
    isAtLeast(apiVersion, LEAST_API)
      ? ok("engine", `Docker ${version}, API ${apiVersion}`)
      : problem("engine", `Docker ${version} is too old: update it to 20.10 or newer (API ${LEAST_API})`),
    swarm === "inactive"
      ? ok("engine: swarm mode", "off")
      : problem(
          "engine: swarm mode",
          `the engine is in a swarm of its own (${swarm}): run \`docker swarm leave\` on it`,
        ),
    judgeFirewall(firewall, hasUserChain),
    liveRestore
      ? ok("engine: live restore", "on")
      : notice("engine: live restore", 'off: a restart of the engine ends containers. Set "live-restore": true'),
  ];
}

function judgeFirewall(firewall: string | undefined, hasUserChain: boolean | undefined): Finding {
  const subject = "engine: firewall";
  const name = firewall ?? "iptables";
  if (name.startsWith("nftables")) return ok(subject, name);
  if (hasUserChain === undefined) return unknown(subject, `${name}; not checked further: run this command as root`);
  return hasUserChain
    ? ok(subject, name)
    : problem(subject, `${name}, but there is no chain DOCKER-USER: start the engine without "iptables": false`);
}

function judgePort({ number, protocol, use, holder }: PortFacts): Finding {
  const subject = `port ${number}/${protocol}`;
  if (holder === undefined) return ok(subject, `free, for ${use}`);
  if (holder.isOurs) return ok(subject, `in use, for ${use}`);
  const other =
    protocol === "udp"
      ? "end it, or make the swarm with another --data-path-port"
      : "end it, or give another port with --listen-addr and --advertise-addr";
  return problem(subject, `needed for ${use}, but ${holder.name} has it: ${other}`);
}

function judgeRoutes(routes: readonly Route[], pools: readonly string[]): readonly Finding[] {
  const subject = "address pool";
  const findings = pools.flatMap((pool) => {
    const block = parseCidr(pool);
    if (block === undefined) return [problem(subject, `${pool} is no IPv4 network in CIDR notation`)];
    return routes.flatMap(({ destination, device }) => {
      const route = parseCidr(destination);
      if (route === undefined || route.prefix === 0 || !overlaps(block, route)) return [];
      const where = `this host's route to ${destination} (${device})`;
      return covers(route, block)
        ? problem(subject, `${pool} is part of ${where}: make the swarm with another --default-addr-pool`)
        : notice(subject, `${pool} has in it ${where}: networks in that part cannot be had on this host`);
    });
  });
  return findings.length > 0 ? findings : [ok(subject, `${pools.join(", ")}: no route of this host is in it`)];
}

function judgeClock(clock: HostFacts["clock"]): Finding {
  if (clock === undefined)
    return unknown("clock", "not checked: this host is in no cluster that it could be compared with");
  const { manager, aheadMs } = clock;
  if (aheadMs === undefined) return unknown("clock", `not checked: the manager at ${manager} does not answer`);
  const apart = Math.abs(aheadMs);
  const difference = `${Math.round(apart / 1_000)} s ${aheadMs < 0 ? "behind" : "ahead of"} that of the manager at ${manager}`;
  if (apart >= MOST_APART_MS)
    return problem("clock", `${difference}: certificates may not be valid. Run an NTP client`);
  if (apart >= NOTICEABLY_APART_MS) return notice("clock", `${difference}: run an NTP client on all hosts`);
  return ok("clock", `agrees with that of the manager at ${manager}`);
}

function judgePeers(peers: readonly PeerFacts[]): readonly Finding[] {
  if (peers.length === 0) return [unknown("path to other nodes", "not checked: no other nodes are known here")];
  return peers.map((peer) => judgePeer(peer, `path to ${peer.name} (${peer.address})`));
}

function judgePeer({ reach }: PeerFacts, subject: string): Finding {
  const smaller = "--opt com.docker.network.driver.mtu=SIZE, 50 bytes less than the path takes";
  const table: Readonly<Record<PeerFacts["reach"], Finding>> = {
    large: ok(subject, `takes packets of ${TUNNEL_MTU} bytes`),
    small: problem(subject, `takes no packets of ${TUNNEL_MTU} bytes: raise its MTU, or make networks with ${smaller}`),
    none: unknown(subject, "not checked: the node does not answer to ping"),
    unknown: unknown(subject, "not checked: there is no ping (Debian: apt-get install iputils-ping)"),
  };
  return table[reach];
}

/** Whether a version `MAJOR.MINOR` is not older than another. */
function isAtLeast(version: string, least: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [leastMajor = 0, leastMinor = 0] = least.split(".").map(Number);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}
