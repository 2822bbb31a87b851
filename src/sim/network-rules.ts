import { contains, overlaps, parseCidr, parseIpv4 } from "#base/ipv4.ts";
import type { StoreObject } from "#model/objects.ts";
import { isTerminal } from "#model/task-state.ts";
import type { Change, View } from "#model/view.ts";

/** Something that only one may have, and who has it. */
type Claim = readonly [what: string, owner: string];

/** Whether the change can break what `networkViolations` looks at. */
export function concernsNetworks(change: Change): boolean {
  if (change.kind === "network") return true;
  const before = change.type === "create" ? undefined : change.old;
  const after = change.type === "delete" ? undefined : change.object;
  return [before, after].some((object) => object !== undefined && hasPlaces(object));
}

const hasPlaces = (object: StoreObject): boolean =>
  (object.kind === "task" && object.networks !== undefined) ||
  (object.kind === "node" && object.attachments !== undefined) ||
  (object.kind === "service" && object.endpoint !== undefined);

/** What was given twice, or from outside of what there is to give. */
export function* networkViolations(view: View): Iterable<string> {
  const owners = new Map<string, string>();
  for (const [what, owner] of claims(view)) {
    const other = owners.get(what);
    if (other !== undefined) yield `${what} was given to ${other} and to ${owner}`;
    owners.set(what, owner);
  }
  yield* subnetViolations(view);
}

function* claims(view: View): Iterable<Claim> {
  for (const { id, spec, allocation } of view.list("network")) {
    if (allocation === undefined) continue;
    yield [`VNI ${allocation.vni}`, `network ${spec.Name}`];
    yield [`address ${allocation.gateway} on ${id}`, "the network's gateway"];
  }
  for (const { spec, endpoint } of view.list("service")) {
    const owner = `service ${spec.Name}`;
    for (const { networkId, address } of endpoint?.virtualIPs ?? [])
      yield [`address ${address} on ${networkId}`, owner];
    for (const { PublishMode, Protocol, PublishedPort } of endpoint?.ports ?? []) {
      if (PublishMode === "ingress" && PublishedPort) yield [`port ${PublishedPort}/${Protocol}`, owner];
    }
  }
  for (const { id, attachments = {} } of view.list("node")) {
    for (const [networkId, address] of Object.entries(attachments))
      yield [`address ${address} on ${networkId}`, `node ${id}`];
  }
  for (const { id, status, networks = [] } of view.list("task")) {
    if (isTerminal(status.state)) continue;
    for (const { networkId, address } of networks) yield [`address ${address} on ${networkId}`, `task ${id}`];
  }
}

function* subnetViolations(view: View): Iterable<string> {
  const subnets = [...view.list("network")].flatMap(({ spec, allocation }) => {
    const subnet = allocation && parseCidr(allocation.subnet);
    return subnet === undefined ? [] : [{ name: spec.Name, subnet }];
  });
  for (const [index, one] of subnets.entries()) {
    for (const other of subnets.slice(index + 1)) {
      if (overlaps(one.subnet, other.subnet)) yield `subnets of ${one.name} and ${other.name} overlap`;
    }
  }
  for (const [what] of claims(view)) {
    const [, address = "", id = ""] = /^address (\S+) on (\S+)$/.exec(what) ?? [];
    const subnet = parseCidr(view.get("network", id)?.allocation?.subnet ?? "");
    const number = parseIpv4(address);
    if (subnet !== undefined && number !== undefined && !contains(subnet, number)) yield `${what} is not in its subnet`;
  }
}
