import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { formatCidr, parseCidr } from "#base/ipv4.ts";
import { commitFresh, commitOnce } from "#manager/commit.ts";
import type { Control } from "#manager/control.ts";
import type { ClusterState } from "#manager/state.ts";
import type { Network, Task } from "#model/objects.ts";
import type { NetworkSpec } from "#model/spec.ts";
import { isTerminal, isWanted } from "#model/task-state.ts";
import { validateNetworkSpec } from "#model/validate-network.ts";
import type { View } from "#model/view.ts";
import { ingressNetwork, publishesIngress } from "#plan/allocate/needs.ts";
import { subnetTaken } from "#plan/allocate/problems.ts";
import { conflictName, SubnetBook } from "#plan/allocate/subnet-book.ts";

interface Deps {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly newId: () => string;
}

/** Networks: create and remove. Docker's cannot be changed. The allocator gives them what their specs leave open. */
export function createNetworkControl({
  state,
  clock,
  newId,
}: Deps): Pick<Control, "createNetwork" | "removeNetwork" | "renameAttached"> {
  const { view } = state;
  return {
    async createNetwork(spec, signal) {
      validateNetworkSpec(spec);
      checkSecondIngress(view, spec);
      checkSubnet(view, spec);
      const now = clock.now();
      const network: Network = { kind: "network", id: newId(), version: 0, createdAt: now, updatedAt: now, spec };
      await commitOnce(state, [{ type: "create", object: network }], signal);
      return network.id;
    },

    async removeNetwork(id, signal) {
      const build = () => {
        const network = view.get("network", id);
        if (network === undefined) throw new FlotillaError("not_found", `network ${id} not found`);
        checkUnused(view, network);
        return [{ type: "delete" as const, kind: "network" as const, id, expect: network.version }];
      };
      await commitFresh(state, build, signal);
    },

    async renameAttached(nodeId, from, to, signal) {
      const NetworkAttachmentSpec = { ContainerID: to };
      const build = () =>
        [...view.tasksOfNode(nodeId)]
          .filter(({ spec }) => spec.NetworkAttachmentSpec?.ContainerID === from)
          .map((task) => {
            const object = { ...task, spec: { ...task.spec, NetworkAttachmentSpec } };
            return { type: "update" as const, object, expect: task.version };
          });
      await commitFresh(state, build, signal);
    },
  };
}

function checkSecondIngress(view: View, spec: NetworkSpec): void {
  const present = spec.Ingress ? ingressNetwork(view.list("network")) : undefined;
  if (present !== undefined) {
    throw new FlotillaError("exists", `ingress network (${present.id}) is already present`);
  }
}

/** That two clients ask for overlapping subnets at the same moment is left to the allocator to tell. */
function checkSubnet(view: View, spec: NetworkSpec): void {
  const requested = spec.IPAM?.Config?.[0]?.Subnet;
  const subnet = requested ? parseCidr(requested) : undefined;
  if (subnet === undefined) return;
  const book = new SubnetBook();
  for (const { id, allocation } of view.list("network")) if (allocation) book.addNetwork(id, allocation.subnet);
  for (const node of view.list("node")) book.addRoutes(node);
  const conflict = book.conflict(subnet);
  if (conflict === undefined) return;
  throw new FlotillaError("invalid", subnetTaken(formatCidr(subnet), conflict, conflictName(conflict, view)));
}

function checkUnused(view: View, network: Network): void {
  const { id } = network;
  if (network.spec.Ingress) return checkIngressUnused(view, network);
  const [service] = view.servicesUsing("network", id);
  if (service !== undefined) {
    throw new FlotillaError("precondition", `network ${id} is in use by service ${service.id}`);
  }
  for (const task of [...view.tasksOfNetwork(id), ...attachmentsTo(view, id)]) {
    if (isWanted(task.desired) && !isTerminal(task.status.state)) {
      throw new FlotillaError("precondition", `network ${id} is in use by task ${task.id}`);
    }
  }
}

/** Single containers that are to be on a network, those included that have no address yet. */
const attachmentsTo = (view: View, id: string): readonly Task[] =>
  [...view.tasksWithoutService()].filter(({ spec }) => spec.Networks?.some(({ Target }) => Target === id));

function checkIngressUnused(view: View, { id }: Network): void {
  const present = ingressNetwork(view.list("network"));
  if (present?.id !== id) return;
  for (const service of view.list("service")) {
    if (!publishesIngress(service.spec.EndpointSpec)) continue;
    throw new FlotillaError(
      "precondition",
      `ingress network cannot be removed because service ${service.id} depends on it`,
    );
  }
}
