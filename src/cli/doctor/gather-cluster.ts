import { once } from "node:events";
import { connect } from "node:http2";
import { systemClock } from "#base/clock.ts";
import { askApi } from "#cli/api-client.ts";
import { execute } from "#lab/command.ts";
import { hasCommand } from "#lab/prerequisites.ts";
import { type HostFacts, type PeerFacts, TUNNEL_MTU } from "./facts.ts";

/** What the host's own daemon knows of the cluster; what follows from defaults when there is no cluster. */
export interface ClusterFacts extends Pick<HostFacts, "addressPools" | "clock" | "peers"> {
  readonly dataPathPort: number;
}

interface SwarmJson {
  readonly NodeID?: string;
  readonly ControlAvailable?: boolean;
  readonly RemoteManagers?: readonly { readonly NodeID: string; readonly Addr: string }[] | null;
  readonly Cluster?: { readonly DefaultAddrPool?: readonly string[]; readonly DataPathPort?: number };
}

interface NodeJson {
  readonly ID: string;
  readonly Description?: { readonly Hostname?: string };
  readonly Status?: { readonly Addr?: string };
}

interface Peer {
  readonly name: string;
  readonly address: string;
}

/** Docker's defaults. */
const DATA_PATH_PORT = 4789;
const ADDRESS_POOLS = ["10.0.0.0/8"];

/** How long another host may take to answer, in ms. */
const ANSWER_MS = 3_000;
/** An IPv4 and an ICMP header, in bytes. */
const PING_HEADERS = 28;

export async function gatherCluster(daemon: string, signal: AbortSignal): Promise<ClusterFacts> {
  const swarm = await askSwarm(daemon, signal);
  const { DefaultAddrPool: pools, DataPathPort: port } = swarm?.Cluster ?? {};
  const others = swarm?.RemoteManagers?.filter(({ NodeID }) => NodeID !== swarm.NodeID) ?? [];
  return {
    addressPools: pools === undefined || pools.length === 0 ? ADDRESS_POOLS : pools,
    dataPathPort: port === undefined || port === 0 ? DATA_PATH_PORT : port,
    clock: others[0] && { manager: others[0].Addr, aheadMs: await compareClock(others[0].Addr, signal) },
    peers: await Promise.all((await peersOf(swarm, daemon, signal)).map((peer) => ping(peer, signal))),
  };
}

async function askSwarm(daemon: string, signal: AbortSignal): Promise<SwarmJson | undefined> {
  try {
    return ((await askApi(daemon, "/info", signal)).body as { readonly Swarm?: SwarmJson }).Swarm;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

/** All other nodes, as a manager knows them; a worker knows the managers only. */
async function peersOf(swarm: SwarmJson | undefined, daemon: string, signal: AbortSignal): Promise<readonly Peer[]> {
  if (swarm?.ControlAvailable !== true) {
    return (swarm?.RemoteManagers ?? []).map(({ Addr }) => ({ name: "a manager", address: hostOf(Addr) }));
  }
  const nodes = (await askApi(daemon, "/nodes", signal)).body as readonly NodeJson[];
  return nodes
    .filter(({ ID }) => ID !== swarm.NodeID)
    .flatMap(({ ID, Description, Status }) =>
      Status?.Addr ? { name: Description?.Hostname ?? ID, address: Status.Addr } : [],
    );
}

const hostOf = (address: string): string => new URL(`tcp://${address}`).hostname.replace(/^\[|\]$/g, "");

async function ping(peer: Peer, signal: AbortSignal): Promise<PeerFacts> {
  if (!hasCommand("ping")) return { ...peer, reach: "unknown" };
  const arrives = async (bytes: number) => {
    const options = ["-c", "2", "-i", "0.2", "-W", "1", "-M", "do", "-s", String(bytes - PING_HEADERS)];
    return (await execute({ argv: ["ping", ...options, peer.address] }, signal)).code === 0;
  };
  if (await arrives(TUNNEL_MTU)) return { ...peer, reach: "large" };
  return { ...peer, reach: (await arrives(100)) ? "small" : "none" };
}

/**
 * How far this clock is ahead of a manager's, in ms; undefined when it does not answer. Its answer is a refusal, as it
 * has to be for a stranger, but it is dated (to the second).
 */
async function compareClock(manager: string, signal: AbortSignal): Promise<number | undefined> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
  const session = connect(`https://${manager}`, { rejectUnauthorized: false });
  session.on("error", () => undefined);
  try {
    const request = session.request({ ":path": "/" }, { signal: inTime });
    const [headers] = (await once(request, "response", { signal: inTime })) as [{ readonly date?: string }];
    const theirs = Date.parse(headers.date ?? "");
    // The date is cut off to the second: half a second more is right on average.
    return Number.isNaN(theirs) ? undefined : systemClock.now() - (theirs + 500);
  } catch {
    signal.throwIfAborted();
    return undefined;
  } finally {
    session.destroy();
  }
}
