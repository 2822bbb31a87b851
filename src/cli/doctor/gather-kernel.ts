import { execute } from "#lab/command.ts";
import type { HostFacts, KernelFeature } from "./facts.ts";

/** What is tried in a network namespace of its own, which goes with the trial. Modules that it needs get loaded. */
interface Trial {
  readonly argv: readonly string[];
  readonly input?: string;
}

/** The kinds of expression that the rules of networks are made of. */
const RULESET = `table ip trial {
  map services { type ipv4_addr . inet_proto . inet_service : verdict; }
  chain entry {
    type nat hook prerouting priority dstnat;
    ip daddr . ip protocol . th dport vmap @services
    dnat to jhash ip saddr mod 2 map { 0 : 192.0.2.1, 1 : 192.0.2.2 }
  }
  chain onward {
    type filter hook forward priority filter;
    ct mark set meta mark
  }
}
table bridge trial {
  map entries { type mark : ether_addr; }
  chain entry {
    type filter hook prerouting priority 100;
    ether daddr set meta mark map @entries
  }
}
`;

const TRIALS: Readonly<Record<KernelFeature, readonly Trial[]>> = {
  bridge: [{ argv: ["ip", "link", "add", "trial", "type", "bridge"] }],
  // Either it is loaded, or it could be.
  br_netfilter: [
    { argv: ["test", "-e", "/proc/sys/net/bridge/bridge-nf-call-iptables"] },
    { argv: ["modprobe", "--dry-run", "--quiet", "br_netfilter"] },
  ],
  vxlan: [
    { argv: ["ip", "link", "add", "trial", "type", "vxlan", "id", "1", "dstport", "4789", "nolearning", "proxy"] },
  ],
  nf_tables: [{ argv: ["nft", "--file", "-"], input: RULESET }],
};

/** Tries what networks need. Nothing is known without root. */
export async function gatherKernel(signal: AbortSignal): Promise<HostFacts["kernel"]> {
  const isRoot = process.getuid?.() === 0;
  const works = async (trials: readonly Trial[]): Promise<boolean | undefined> => {
    if (!isRoot) return undefined;
    for (const { argv, input = "" } of trials) {
      const { code } = await execute({ argv: ["unshare", "--net", "--", ...argv], input }, signal);
      if (code === 0) return true;
    }
    return false;
  };
  return {
    bridge: await works(TRIALS.bridge),
    br_netfilter: await works(TRIALS.br_netfilter),
    vxlan: await works(TRIALS.vxlan),
    nf_tables: await works(TRIALS.nf_tables),
  };
}
