import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { type NodeId, newId } from "#model/ids.ts";
import { isDirty } from "#plan/dirty.ts";
import type { Store } from "#store/store.ts";
import type { AgentService, PeerService } from "#wire/protocol.ts";
import type { OpenTarget } from "#wire/tunnel.ts";
import { runAllocator } from "./allocation.ts";
import { createAttachments } from "./attachments.ts";
import { createClusterControl, type RootKeeper } from "./control/cluster.ts";
import { createNetworkControl } from "./control/networks.ts";
import { createNodeControl } from "./control/nodes.ts";
import { createPayloadControl } from "./control/payloads.ts";
import { createServiceControl } from "./control/services.ts";
import type { Control } from "./control.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Freshness } from "./freshness.ts";
import { type BringImage, createImageSource } from "./image-source.ts";
import { LogBroker } from "./log-broker.ts";
import type { ConnectPeer } from "./log-links.ts";
import { runLoop } from "./loop.ts";
import { LOOPS } from "./loops.ts";
import { createPeerService } from "./peer-service.ts";
import { Presence } from "./presence.ts";
import { runRoleKeeper } from "./role-keeper.ts";
import { runScheduler } from "./scheduling.ts";
import type { ClusterState } from "./state.ts";
import { failingFast, StoreContact } from "./store-contact.ts";
import type { StoreMembership } from "./store-membership.ts";
import { runTakeover } from "./takeover.ts";
import { type ReachPeer, Tunnels } from "./tunnels.ts";
import { explain } from "./why/explain.ts";

export interface ManagerDeps {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly roots: RootKeeper;
  /** The node that it runs on, and `host:port` where other daemons reach it. */
  readonly self: { readonly nodeId: NodeId; readonly addr: string };
  readonly leases: Pick<Store, "lease">;
  readonly membership: StoreMembership;
  readonly connectPeer: ConnectPeer;
  readonly reachPeer: ReachPeer;
  readonly openTarget: OpenTarget;
  readonly bringImage: BringImage;
}

/** One manager: what clients and agents may ask of it, and, when it leads, the loops that do the cluster's work. */
export interface Manager {
  readonly control: Control;
  readonly agents: AgentService;
  readonly peers: PeerService;
  /** The way to every node's services. */
  readonly tunnels: Tunnels;
  /** Does what every manager does, until `signal` aborts or a part fails. */
  run(signal: AbortSignal): Promise<never>;
  /**
   * Does what only a leader does, until `signal` aborts or a part fails. All its writes go to `fenced`; see `lead`.
   * What it remembers of an earlier leadership is nothing.
   */
  runLeader(fenced: ClusterState, signal: AbortSignal): Promise<never>;
}

/** Puts a manager together over the cluster's state. */
export function createManager(deps: ManagerDeps): Manager {
  const { state, clock, random, log, roots, self, leases, membership, connectPeer } = deps;
  const parts = { state, clock, random, log, newId: () => newId(random) };
  const { nodeId } = self;
  const contact = new StoreContact();
  const dispatcher = new Dispatcher({
    ...parts,
    nodeId,
    contact,
    publish: (revision) => presence.publish(revision),
    trustRoot: () => roots.trustRoot(),
  });
  const presence = new Presence({
    ...parts,
    ...self,
    leases,
    contact,
    withdrawnUpTo: () => dispatcher.withdrawnUpTo,
  });
  const broker = new LogBroker({ ...parts, nodeId, connectPeer });
  const tunnels = new Tunnels({ ...deps, nodeId });
  return {
    control: createControl({ ...parts, state: failingFast(state, contact, clock), contact }, roots, broker),
    agents: {
      session: dispatcher.session.bind(dispatcher),
      describe: dispatcher.describe.bind(dispatcher),
      heartbeat: dispatcher.heartbeat.bind(dispatcher),
      assignments: dispatcher.assignments.bind(dispatcher),
      updateTaskStatus: dispatcher.updateTaskStatus.bind(dispatcher),
      networksApplied: dispatcher.networksApplied.bind(dispatcher),
      ...createAttachments(parts),
      ...createImageSource(state, deps.bringImage),
      logSubscriptions: broker.logSubscriptions.bind(broker),
      publishLogs: broker.publishLogs.bind(broker),
    },
    tunnels,
    peers: createPeerService({ view: state.view, membership, logs: broker }),
    async run(signal) {
      await using jobs = new TaskGroup(signal);
      jobs.spawn("presence", (stop) => presence.run(stop));
      jobs.spawn("dispatcher", (stop) => dispatcher.run(stop));
      jobs.spawn("tunnels", (stop) => tunnels.run(stop));
      return await jobs.done();
    },
    async runLeader(fenced, signal) {
      const leading = { ...parts, nodeId, state: fenced };
      await using jobs = new TaskGroup(signal);
      jobs.spawn("allocator", (stop) => runAllocator(leading, stop));
      jobs.spawn("scheduler", (stop) => runScheduler(leading, stop));
      jobs.spawn("takeover", (stop) => runTakeover(leading, stop));
      jobs.spawn("role keeper", (stop) => runRoleKeeper({ ...leading, membership }, stop));
      for (const loop of LOOPS) jobs.spawn(loop.name, (stop) => runLoop(loop, leading, stop));
      return await jobs.done();
    },
  };
}

function createControl(
  parts: { state: ClusterState; clock: Clock; random: Random; newId: () => string; contact: StoreContact },
  roots: RootKeeper,
  broker: LogBroker,
): Control {
  const { state } = parts;
  const freshness = new Freshness(state, parts.clock);
  return {
    view: state.view,
    get problem() {
      return parts.contact.problem;
    },
    caughtUp: (signal) => freshness.caughtUp(signal),
    commits: (signal) => state.commits(signal),
    ...createServiceControl(parts),
    ...createPayloadControl(parts),
    ...createNodeControl(parts),
    ...createNetworkControl(parts),
    ...createClusterControl({ ...parts, roots }),
    logs: (selector, options, signal) => broker.logs(selector, options, signal),
    isUpToDate(task) {
      const service = task.serviceId === undefined ? undefined : state.view.get("service", task.serviceId);
      if (service === undefined) return false;
      const node = task.nodeId === undefined ? undefined : state.view.get("node", task.nodeId);
      return !isDirty(service, task, node);
    },
    why: (name) => explain(state.view, name, parts.clock.now()),
  };
}
