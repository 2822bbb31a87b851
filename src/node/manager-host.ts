import { withDeadline } from "#base/abort.ts";
import { FlotillaError } from "#base/errors.ts";
import { TaskGroup } from "#base/task-group.ts";
import { CertificateAuthority } from "#manager/ca/authority.ts";
import { createRotationLoop } from "#manager/ca/rotation-loop.ts";
import { commitFresh } from "#manager/commit.ts";
import type { Control } from "#manager/control.ts";
import type { BringImage } from "#manager/image-source.ts";
import { type LeaderWork, lead } from "#manager/leadership.ts";
import { runLoop } from "#manager/loop.ts";
import { createManager } from "#manager/manager.ts";
import type { ClusterState } from "#manager/state.ts";
import type { StoreMembership } from "#manager/store-membership.ts";
import type { Tunnels } from "#manager/tunnels.ts";
import { newId } from "#model/ids.ts";
import { LEADERSHIP_ID } from "#model/objects.ts";
import type { NodeRole } from "#model/spec.ts";
import { openReplica } from "#store/replica.ts";
import { agentRoutes } from "#wire/agent-routes.ts";
import { certificateRoutes } from "#wire/certificate-routes.ts";
import { connectPeer } from "#wire/peer-client.ts";
import { peerRoutes } from "#wire/peer-routes.ts";
import type { AgentService, CertificateService } from "#wire/protocol.ts";
import { WireServer } from "#wire/server.ts";
import { dialTunnel, type OpenTarget } from "#wire/tunnel.ts";
import { renderHostPort } from "./addresses.ts";
import { namesAddress } from "./certified-address.ts";
import { isEtcdInstalled } from "./etcd/process.ts";
import { forgetOtherManagers } from "./other-managers.ts";
import { type ManagerStore, type ManagerStoreDeps, openManagerStore } from "./store/manager-store.ts";

export interface ManagerHostDeps extends ManagerStoreDeps {
  /** For connections to services of this node. */
  readonly openTarget: OpenTarget;
  /** Brings images of the cluster's to nodes whose tasks need them. */
  readonly bringImage: BringImage;
  /** What a leader does for single containers, as long as it leads. */
  readonly reschedule: LeaderWork;
}

/** How far the state may be behind at a start: more is trouble, and said so. */
const CATCH_UP_MS = 10_000;

/** The manager of this daemon, while it runs. */
export interface ManagerHost {
  readonly control: Control;
  readonly agents: AgentService;
  /** Opens connections to services of nodes. */
  readonly tunnels: Pick<Tunnels, "open">;
  readonly certificates: CertificateService;
  readonly membership: StoreMembership;
  /** Aborts, with a FlotillaError `unavailable`, when the manager stops. */
  readonly signal: AbortSignal;
}

/**
 * Runs this node's manager: opens the store, listens for the other daemons, and does a leader's work while it leads,
 * until `signal` aborts or a part fails. `onReady` is called once it answers.
 */
export async function runManagerHost(
  deps: ManagerHostDeps,
  onReady: (host: ManagerHost) => void,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, log, identity, keys } = deps;
  const { nodeId } = identity.current;
  const addr = renderHostPort(deps.advertise);
  if (deps.state.current.store === "etcd" && !namesAddress(identity.current, addr)) deps.renewNow();
  await using owned = new AsyncDisposableStack();
  const managerStore = owned.use(await openManagerStore(deps, signal));
  const { store, membership } = managerStore;
  const jobs = owned.use(new TaskGroup(signal));
  const life = new AbortController();
  owned.defer(() => life.abort(new FlotillaError("unavailable", "this manager stops: use another one")));
  jobs.spawn("store", (stop) => managerStore.run(stop));
  const state = await openReplica(store, deps, jobs.signal);
  jobs.spawn("replica", (stop) => state.run(stop));
  if (deps.startsOver) await forgetOtherManagers(state, nodeId, clock, jobs.signal);
  const parts = { clock, log, newId: () => newId(random) };
  const authority = new CertificateAuthority({
    ...parts,
    state,
    identity: () => identity.current,
    checkMayJoin: (role) => checkMayJoin(role, deps),
  });
  const manager = createManager({
    ...parts,
    random,
    state,
    roots: authority,
    self: { nodeId, addr },
    leases: store,
    membership,
    connectPeer: async (peer) => connectPeer({ addr: peer, identity: identity.current, clock }),
    reachPeer: (peer, to, stop) =>
      dialTunnel({ addr: peer, identity: identity.current, clock }, { kind: "reach", nodeId: to }, stop),
    openTarget: deps.openTarget,
    bringImage: deps.bringImage,
  });
  await withDeadline(clock, CATCH_UP_MS, "learning of this node from the store", jobs.signal, (stop) =>
    nodeKnown(state, nodeId, stop),
  );
  await announce(state, nodeId, addr, deps, jobs.signal);
  const server = owned.use(
    new WireServer(
      {
        identity,
        clock,
        log,
        services: [agentRoutes(manager.agents), certificateRoutes(authority), peerRoutes(manager.peers)],
        isRemoved: (id) => authority.isRemoved(id),
        onTunnel: (caller, hello, socket) => manager.tunnels.accept(caller, hello, socket, jobs.signal),
      },
      jobs.signal,
    ),
  );
  jobs.spawn("manager", (stop) => manager.run(stop));
  const leadCluster = async (fenced: ClusterState, lost: AbortSignal): Promise<never> => {
    await using leading = new TaskGroup(lost);
    leading.spawn("leader", (stop) => manager.runLeader(fenced, stop));
    leading.spawn("rescheduling", (stop) => deps.reschedule(fenced, stop));
    leading.spawn("root rotation", (stop) => runLoop(createRotationLoop(random), { ...parts, state: fenced }, stop));
    return await leading.done();
  };
  const standing = { ...parts, random, nodeId, leases: store, storeLeads: () => managerStore.isLeader };
  jobs.spawn("leadership", (stop) => lead(state, standing, leadCluster, stop));
  jobs.spawn("demotion", (stop) => stepAsideWhenDemoted(managerStore, state, deps, stop));
  jobs.spawn("key ring", (stop) => keys.follow(state, identity, stop));
  await server.listen(deps.listen);
  log.info({ addr }, "manager is ready");
  onReady({
    control: manager.control,
    agents: manager.agents,
    tunnels: manager.tunnels,
    certificates: authority,
    membership,
    signal: life.signal,
  });
  await jobs.done();
}

/** @throws FlotillaError `precondition`: a second manager needs a store that several managers share. */
function checkMayJoin(role: NodeRole, { state }: ManagerHostDeps): void {
  if (role === "worker" || state.current.store !== undefined || isEtcdInstalled()) return;
  throw new FlotillaError(
    "precondition",
    "a second manager needs etcd on every manager: install it on the first one too (Debian: etcd-server)",
  );
}

/** As soon as this node is to be a worker, and while it still is a manager. */
async function stepAsideWhenDemoted(
  store: Pick<ManagerStore, "stepAside">,
  state: ClusterState,
  { identity, log }: Pick<ManagerHostDeps, "identity" | "log">,
  signal: AbortSignal,
): Promise<void> {
  const isDemoted = () => state.view.get("node", identity.current.nodeId)?.spec.Role === "worker";
  const commits = state.commits(signal)[Symbol.asyncIterator]();
  for (let was = false; ; ) {
    const is = isDemoted();
    if (is && !was) {
      const leader = state.view.get("leadership", LEADERSHIP_ID)?.nodeId;
      await store
        .stepAside(leader, signal)
        .catch((err: unknown) => log.warn({ err }, "this manager's etcd may still lead"));
    }
    was = is;
    if ((await commits.next()).done) return;
  }
}

/** Resolves when the state has the node: a member that has just joined the store may be some moments behind. */
async function nodeKnown(state: ClusterState, nodeId: string, signal: AbortSignal): Promise<void> {
  const commits = state.commits(signal)[Symbol.asyncIterator]();
  try {
    while (state.view.get("node", nodeId) === undefined) if ((await commits.next()).done) return;
  } finally {
    await commits.return?.();
  }
}

/** Shows this node as a manager, at the address where others find it. Who leads is told apart from that. */
async function announce(
  state: ClusterState,
  nodeId: string,
  addr: string,
  { clock }: Pick<ManagerHostDeps, "clock">,
  signal: AbortSignal,
): Promise<void> {
  const build = () => {
    const node = state.view.get("node", nodeId);
    if (node === undefined) throw new FlotillaError("internal", `node ${nodeId} is missing in its own store`);
    if (node.manager?.addr === addr) return [];
    const manager = { leader: false, reachability: "reachable", addr } as const;
    const object = { ...node, manager, updatedAt: clock.now() };
    return [{ type: "update" as const, object, expect: node.version }];
  };
  await commitFresh(state, build, signal);
}
