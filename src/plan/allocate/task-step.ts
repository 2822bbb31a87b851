import type { NetworkId } from "#model/ids.ts";
import type { Task, TaskNetwork, Timestamp } from "#model/objects.ts";
import { type Resource, resource } from "./blocked.ts";
import { hasItsEndpoint } from "./endpoint.ts";
import type { Ledger } from "./ledger.ts";
import { neededNetworks } from "./needs.ts";
import { addressRefused, networkFull, notAllocated } from "./problems.ts";
import { missingNetwork } from "./service-step.ts";
import type { Outcome } from "./step.ts";

interface Obstacle {
  readonly lacking: Resource;
  readonly err: string | undefined;
}

/** Gives a new task its addresses, once its service and its networks have theirs: all of them, or none. */
export function settleTask(ledger: Ledger, task: Task, now: Timestamp): Outcome<Task> {
  const waits = ({ lacking, err }: Obstacle): Outcome<Task> => ({
    kind: "waits",
    lacking,
    object: withErr(task, err, now),
  });
  const unready = serviceObstacle(ledger, task);
  if (unready !== undefined) return waits(unready);
  const networks: TaskNetwork[] = [];
  for (const networkId of neededNetworks(task.spec, task.endpoint?.spec, ledger.ingress)) {
    const found = addressOn(ledger, task, networkId);
    if ("lacking" in found) return waits(found);
    networks.push({ networkId, address: found.address });
  }
  return { kind: "met", object: pending(ledger, task, networks, now) };
}

/** A task without a service has nothing to wait for; one whose service is gone is about to be removed. */
function serviceObstacle(ledger: Ledger, { serviceId }: Task): Obstacle | undefined {
  if (serviceId === undefined) return undefined;
  const service = ledger.services.get(serviceId);
  if (service !== undefined && hasItsEndpoint(service, ledger.ingress)) return undefined;
  return { lacking: resource.service(serviceId), err: service?.problem };
}

function addressOn(ledger: Ledger, task: Task, networkId: NetworkId): { readonly address: string } | Obstacle {
  const lacking = resource.network(networkId);
  const network = ledger.networks.get(networkId);
  if (network === undefined) return { lacking, err: missingNetwork(networkId) };
  if (network.allocation === undefined) return { lacking, err: notAllocated(network.spec.Name, network.problem) };
  const use = ledger.use(networkId);
  const requested = task.spec.Networks?.find(({ Target }) => Target === networkId)?.Addresses?.[0];
  const refusal = requested && use.pool.refusal(requested);
  if (requested && refusal) {
    return { lacking: resource.address(networkId, requested), err: addressRefused(requested, network, refusal) };
  }
  const address = requested || use.pool.next();
  if (address === undefined || !use.hasRoom(ledger.nodes.size, use.mayDrawIn(task.nodeId) ? 1 : 0)) {
    return { lacking, err: networkFull(network, use.pool.size) };
  }
  return { address };
}

/** The task, ready to be placed, with the ports that its service publishes by now. */
function pending(ledger: Ledger, task: Task, networks: readonly TaskNetwork[], now: Timestamp): Task {
  const { ports } = (task.serviceId === undefined ? undefined : ledger.services.get(task.serviceId)?.endpoint) ?? {};
  const { ports: _, ...endpoint } = task.endpoint ?? {};
  return {
    ...task,
    ...(task.endpoint !== undefined && { endpoint: { ...endpoint, ...(ports !== undefined && { ports }) } }),
    networks,
    status: { state: "pending", timestamp: now, appliedAt: now, message: "pending task scheduling" },
  };
}

function withErr(task: Task, err: string | undefined, now: Timestamp): Task {
  if (task.status.err === err) return task;
  const { err: _, ...status } = task.status;
  return { ...task, status: { ...status, timestamp: now, ...(err !== undefined && { err }) } };
}
