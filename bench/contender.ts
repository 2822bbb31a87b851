import { EngineClient } from "#engine/http-client.ts";
import type { LabHost } from "#lab/host.ts";
import type { Lab } from "#lab/lab.ts";

/** Somebody who makes the hosts of a lab a cluster. All speak the same API, so the same code measures all of them. */
export interface Contender {
  readonly name: "Flotilla" | "Docker";
  /** Where the host's Engine API with the swarm family is. */
  socketOf(host: LabHost): string;
  /** Starts what has to run on a host besides its engine. */
  start(host: LabHost, signal: AbortSignal): Promise<void>;
  stop(host: LabHost, signal: AbortSignal): Promise<void>;
  /** Boots a host that was lost. */
  revive(host: LabHost, signal: AbortSignal): Promise<void>;
}

/** Ours: a daemon beside each engine. */
export const FLOTILLA: Contender = {
  name: "Flotilla",
  socketOf: (host) => host.daemonSocket,
  start: (host, signal) => host.startDaemon([], signal),
  stop: (host, signal) => host.daemon.stop(signal),
  revive: (host, signal) => host.powerOn(signal),
};

/** Docker's own swarm mode, inside the same engines. */
export const DOCKER: Contender = {
  name: "Docker",
  socketOf: (host) => host.engineSocket,
  start: async () => undefined,
  stop: async () => undefined,
  // A lab host boots everything that ever ran on it.
  revive: async (host, signal) => {
    await host.powerOn(signal);
    await host.daemon.stop(signal);
  },
};

/** A formed cluster: the lab's first host is its manager, the others are workers. */
export interface Cluster extends Disposable {
  readonly lab: Lab;
  readonly contender: Contender;
  /** The manager's API. */
  readonly api: EngineClient;
  /** The API of each host's engine itself. */
  readonly engines: readonly EngineClient[];
}

const PORT = 2377;

/** What `docker swarm init` sends when it is given no options. Durations are in nanoseconds. */
const CLUSTER_SPEC = {
  Orchestration: { TaskHistoryRetentionLimit: 5 },
  Dispatcher: { HeartbeatPeriod: 5_000_000_000 },
  CAConfig: { NodeCertExpiry: 7_776_000_000_000_000 },
  Raft: { SnapshotInterval: 10_000 },
};

const clientOf = (contender: Contender, host: LabHost): EngineClient =>
  new EngineClient(`unix://${contender.socketOf(host)}`);

const listenOn = (host: LabHost) => ({
  ListenAddr: `0.0.0.0:${PORT}`,
  AdvertiseAddr: host.address,
  DataPathAddr: host.address,
});

/** Starts a contender on all hosts and forms the cluster. */
export async function formCluster(lab: Lab, contender: Contender, signal: AbortSignal): Promise<Cluster> {
  const [manager, ...workers] = lab.hosts;
  if (manager === undefined) throw new Error("the lab has no hosts");
  for (const host of lab.hosts) await contender.start(host, signal);
  const api = clientOf(contender, manager);
  await api.json({ method: "POST", path: "/swarm/init", body: { ...listenOn(manager), Spec: CLUSTER_SPEC } }, signal);
  const swarm = await api.json<{ JoinTokens: { Worker: string } }>({ method: "GET", path: "/swarm" }, signal);
  const body = { RemoteAddrs: [`${manager.address}:${PORT}`], JoinToken: swarm.JoinTokens.Worker };
  for (const host of workers) {
    using client = clientOf(contender, host);
    await client.json({ method: "POST", path: "/swarm/join", body: { ...body, ...listenOn(host) } }, signal);
  }
  const engines = lab.hosts.map((host) => new EngineClient(`unix://${host.engineSocket}`));
  const clients = [api, ...engines];
  return {
    lab,
    contender,
    api,
    engines,
    [Symbol.dispose]: () => clients.forEach((client) => client[Symbol.dispose]()),
  };
}

/** The opposite of `formCluster`: leaves the hosts with nothing but their engines. */
export async function dissolveCluster({ lab, contender }: Cluster, signal: AbortSignal): Promise<void> {
  for (const host of lab.hosts.toReversed()) {
    using client = clientOf(contender, host);
    await client.json({ method: "POST", path: "/swarm/leave", query: { force: "1" } }, signal);
    await contender.stop(host, signal);
  }
}
