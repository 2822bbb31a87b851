import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { CertificateAuthority } from "#manager/ca/authority.ts";
import { createRotationLoop } from "#manager/ca/rotation-loop.ts";
import { commitFresh } from "#manager/commit.ts";
import type { Control } from "#manager/control.ts";
import { runLoop } from "#manager/loop.ts";
import { createManager } from "#manager/manager.ts";
import type { ClusterState } from "#manager/state.ts";
import { newId } from "#model/ids.ts";
import type { ManagerStatus } from "#model/objects.ts";
import type { NodeRole } from "#model/spec.ts";
import { sealedCodec } from "#store/codec.ts";
import { openReplica } from "#store/replica.ts";
import { openSqliteStore } from "#store/sqlite.ts";
import { agentRoutes } from "#wire/agent-routes.ts";
import { certificateRoutes } from "#wire/certificate-routes.ts";
import type { CurrentIdentity } from "#wire/identity.ts";
import type { AgentService, CertificateService } from "#wire/protocol.ts";
import { WireServer } from "#wire/server.ts";
import type { HostPort } from "./addresses.ts";
import type { KeyRing } from "./key-ring.ts";

export interface ManagerHostDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly identity: CurrentIdentity;
  readonly keys: KeyRing;
  readonly storePath: string;
  readonly listen: HostPort;
  /** `host:port`, as other nodes are told. */
  readonly advertiseAddr: string;
}

/** The manager of this daemon, while it runs. */
export interface ManagerHost {
  readonly control: Control;
  readonly agents: AgentService;
  readonly certificates: CertificateService;
}

/**
 * Runs this node's manager: opens the store, listens for the other daemons, and does a leader's work until `signal`
 * aborts or a part fails. `onReady` is called once it answers.
 */
export async function runManagerHost(
  deps: ManagerHostDeps,
  onReady: (host: ManagerHost) => void,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, log, identity, keys } = deps;
  if (keys.dataKey === undefined) throw new FlotillaError("internal", "a manager's keys are missing");
  await using owned = new AsyncDisposableStack();
  const store = owned.use(
    await openSqliteStore(deps.storePath, sealedCodec(keys.dataKey, random), { reserveLog: true }),
  );
  const jobs = owned.use(new TaskGroup(signal));
  const state = await openReplica(store, deps, jobs.signal);
  jobs.spawn("replica", (stop) => state.run(stop));
  const authority = new CertificateAuthority({
    state,
    clock,
    log,
    newId: () => newId(random),
    identity: () => identity.current,
    checkMayJoin,
  });
  const manager = createManager({ state, clock, random, log, roots: authority });
  await announce(state, identity.current.nodeId, deps.advertiseAddr, clock, jobs.signal);
  const server = owned.use(
    new WireServer(
      {
        identity,
        clock,
        log,
        services: [agentRoutes(manager.agents), certificateRoutes(authority)],
        isRemoved: (nodeId) => authority.isRemoved(nodeId),
      },
      jobs.signal,
    ),
  );
  jobs.spawn("manager", (stop) => manager.run(stop));
  jobs.spawn("root rotation", (stop) =>
    runLoop(createRotationLoop(random), { state, clock, log, newId: () => newId(random) }, stop),
  );
  jobs.spawn("key ring", (stop) => keys.follow(state, identity, stop));
  await server.listen(deps.listen);
  log.info({ addr: deps.advertiseAddr }, "manager is ready");
  onReady({ control: manager.control, agents: manager.agents, certificates: authority });
  await jobs.done();
}

/** @throws FlotillaError `precondition`: a second manager needs a store that several managers share. */
function checkMayJoin(role: NodeRole): void {
  if (role === "manager") {
    throw new FlotillaError(
      "precondition",
      "this cluster runs with one manager: join with the worker token (docker swarm join-token worker)",
    );
  }
}

/** Shows this node as the manager that leads, at the address where others find it. */
async function announce(
  state: ClusterState,
  nodeId: string,
  addr: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const manager: ManagerStatus = { leader: true, reachability: "reachable", addr };
  const build = () => {
    const node = state.view.get("node", nodeId);
    if (node === undefined) throw new FlotillaError("internal", `node ${nodeId} is missing in its own store`);
    if (node.manager?.leader && node.manager.addr === addr) return [];
    const object = { ...node, manager, updatedAt: clock.now() };
    return [{ type: "update" as const, object, expect: node.version }];
  };
  await commitFresh(state, build, signal);
}
