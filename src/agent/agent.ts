import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { retry } from "#base/retry.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { Engine } from "#engine/engine.ts";
import type { TaskId } from "#model/ids.ts";
import type { NodeDescription } from "#model/spec.ts";
import type { DataPlane } from "#network/data-plane.ts";
import type { SessionMessage } from "#wire/protocol.ts";
import type { OpenTarget } from "#wire/tunnel.ts";
import { AttachmentDesk } from "./attachment-desk.ts";
import { ContainerReservations } from "./container-reservations.ts";
import { type SetDefaultRoute, setDefaultRoute } from "./default-route.ts";
import { EngineNetworks } from "./engine-networks.ts";
import { mattersToTask, watchEngine } from "./engine-watch.ts";
import { ImagePuller } from "./image-puller.ts";
import type { NodeIdentity } from "./labels.ts";
import { ownLabels } from "./labels.ts";
import { LogPublisher } from "./log-publisher.ts";
import { NetworkKeeper } from "./network-keeper.ts";
import { NetworkObjects } from "./network-objects.ts";
import { removeOrphans } from "./orphans.ts";
import { PeerImages } from "./peer-images.ts";
import { Reporter } from "./reporter.ts";
import { Runners } from "./runners.ts";
import type { AgentConnection } from "./session.ts";
import { SessionKeeper } from "./session-keeper.ts";
import { TaskContainers } from "./task-containers.ts";
import type { StoredTask, TaskDb } from "./task-db.ts";
import type { TaskFileStore } from "./task-files.ts";
import { NodePayloads, type RunnerEvents, Worker } from "./worker.ts";

/** Wait before an engine that is away is asked again. */
const ENGINE_RETRY = { firstMs: 500, mostMs: 2_000 } as const;
/**
 * How often a node looks for containers of no task. An engine may finish a creation after the daemon that asked for it
 * was killed, and after the task was given up.
 */
const ORPHANS_INTERVAL_MS = 60_000;
/** Wait before containers of no task that could not be removed are tried again. */
const ORPHANS_RETRY = { firstMs: 1_000, mostMs: 60_000 } as const;

export interface AgentDeps {
  readonly node: NodeIdentity;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly db: TaskDb;
  readonly files: TaskFileStore;
  /** Managers to begin with (`host:port`), besides those that the database knows. */
  readonly managers: readonly string[];
  /** The manager of this very node, while there is one: it is preferred to the others. */
  readonly ownManager?: () => string | undefined;
  /** Opens a connection to the manager at `addr`; disposing it ends every call on it. */
  readonly connect: (addr: string, signal: AbortSignal) => Promise<AgentConnection & AsyncDisposable>;
  /** Opens what managers may reach on this node through tunnels. Absent: nothing. */
  readonly openTarget?: OpenTarget;
  /** The node as managers should know it: the engine's description with what the daemon adds. */
  readonly describe: (signal: AbortSignal) => Promise<NodeDescription>;
  /** Woken when the node is to be described again at once: its certificate changed, say. */
  readonly describeAgain?: Wakeup;
  /** Called with each word of a manager: its trust root, its wish to renew the certificate, the list of managers. */
  readonly onSession: (message: SessionMessage) => void;
  /** Opens this node's data plane. Called at the first network, so that nodes without networks load nothing of it. */
  readonly openDataPlane: (hooks: DataPlaneHooks) => Promise<DataPlane>;
  /** Default: that of Linux. */
  readonly setDefaultRoute?: SetDefaultRoute;
  /** Where others get places on networks, while the agent runs. */
  readonly attachments?: AttachmentDesk;
  /** Docker's `DOCKER_SERVICE_PREFER_OFFLINE_IMAGE=1`: never pull what is local. */
  readonly preferLocalImages?: boolean;
}

/** What the data plane may ask its agent. */
export interface DataPlaneHooks {
  /** The name servers that the container with this address asked for; undefined when it asked for none. */
  readonly resolversFor: (address: string) => readonly string[] | undefined;
}

/** Why an agent ended by itself. Its containers are left as they are; `leaveCluster` removes them. */
export interface AgentOutcome {
  readonly kind: "removed";
  /** The managers' words. */
  readonly reason: string;
}

/**
 * Runs this node's part of the cluster: its tasks, whether or not a manager can be reached, and a session with one of
 * the managers, renewed for as long as it takes.
 *
 * @returns when the managers say, again and again, that they do not know this node (any more).
 * @throws the reason of `signal`, once everything has stopped. Containers are left as they are.
 */
export async function runAgent(deps: AgentDeps, signal: AbortSignal): Promise<AgentOutcome> {
  const { engine, clock, log, db, node } = deps;
  await using jobs = new TaskGroup(signal);
  let description = await retry(
    deps,
    ENGINE_RETRY,
    () => false,
    signal,
    () => deps.describe(signal),
  );
  const describeAgain = deps.describeAgain ?? new Wakeup();
  const { clusterId } = node;
  const reservations = new ContainerReservations({
    engine,
    clock,
    log,
    clusterId,
    onChange: () => describeAgain.wake(),
  });
  const describe = async (stop: AbortSignal) => {
    description = { ...(await deps.describe(stop)), ...reservations.described };
    return description;
  };
  const payloads = new NodePayloads();
  const peers = new PeerImages(log);
  const images = new ImagePuller({ ...deps, peers });
  const networks: NetworkKeeper = new NetworkKeeper({
    clock,
    log,
    objects: new NetworkObjects({ db, log }),
    engineNetworks: new EngineNetworks({ engine, log, clusterId: node.clusterId }),
    openDataPlane: () => deps.openDataPlane({ resolversFor: (address) => worker.nameServersOf(address) }),
  });
  const containers = new TaskContainers({
    setDefaultRoute,
    ...deps,
    images,
    payloads,
    networks,
    node: () => ({ ...node, description }),
  });
  const reporter = new Reporter(clock);
  const runners = new Runners({ containers, networks, engine, clock, log, jobs });
  const createRunner = (stored: StoredTask, events: RunnerEvents) => runners.create(stored, events);
  const worker: Worker = new Worker({ createRunner, networks, payloads, db, reporter, log, jobs });
  worker.resume();
  jobs.spawn("networks", (stop) => networks.run(stop));
  const desk = deps.attachments ?? new AttachmentDesk(clock);
  using _ = desk.open({ networks, worker });
  await deps.files.sweep(worker.taskIds);

  const labels = ownLabels(node);
  const watchers = {
    matters: mattersToTask,
    lookAgain: (taskId: TaskId) => worker.lookAgain(taskId),
    lookAtAll: () => {
      worker.lookAtAll();
      networks.lookAgain();
    },
  };
  jobs.spawn("reservations of containers", (stop) => reservations.run(stop));
  jobs.spawn("engine watch", (stop) => watchEngine(deps, labels, watchers, stop));
  const keepOrphansAway = async (stop: AbortSignal) => {
    for (;;) {
      await retry(
        deps,
        ORPHANS_RETRY,
        () => false,
        stop,
        () => removeOrphans({ engine, log, labels }, (id) => worker.has(id), stop),
      );
      await clock.sleep(ORPHANS_INTERVAL_MS, stop);
    }
  };
  const logs = new LogPublisher({ engine, log, tasks: worker });
  const { openTarget } = deps;
  const tunnels = openTarget && { ...deps, openTarget, life: jobs.signal };
  const shown = { describe, describeAgain, tunnels };
  const session = { clock, log, worker, reporter, logs, networks, desk, peers, keepOrphansAway, ...shown };
  const ownManager = deps.ownManager ?? (() => undefined);
  const keeper = new SessionKeeper({
    ...deps,
    nodeId: node.id,
    ownManager,
    description: () => description,
    session,
  });
  const reason = await Promise.race([keeper.run(jobs.signal), jobs.done()]);
  log.warn({ reason }, "the cluster does not know this node");
  return { kind: "removed", reason };
}
