import type { StoreObject, Task } from "#model/objects.ts";
import type { Change } from "#model/view.ts";

/** A change as one line of the event log: short, but with what a reader looks for. */
export function renderChange(change: Change): string {
  if (change.type === "delete") return `- ${name(change.old)}`;
  const before = change.type === "update" ? describe(change.old) : "";
  const after = describe(change.object);
  const course = before === "" || before === after ? after : `${before} -> ${after}`;
  return `${change.type === "create" ? "+" : "="} ${name(change.object)} ${course}`;
}

const name = (object: StoreObject): string => {
  if (object.kind === "task") return `task ${object.serviceName}.${object.slot}.${object.id.slice(0, 6)}`;
  if (object.kind === "node") return `node ${object.description?.Hostname ?? object.id.slice(0, 6)}`;
  return `${object.kind} ${"spec" in object && "Name" in object.spec ? object.spec.Name : object.id.slice(0, 10)}`;
};

function describe(object: StoreObject): string {
  if (object.kind === "task") return describeTask(object);
  if (object.kind === "node") {
    const labels = Object.values(object.spec.Labels).join(",");
    return `${object.status.state}/${object.spec.Availability} ${labels} ${Object.values(object.attachments ?? {}).join(" ")}`;
  }
  if (object.kind === "network") {
    return `${object.allocation?.subnet ?? "-"} ${object.allocation?.vni ?? "-"} ${object.problem ?? ""}`;
  }
  if (object.kind === "leadership") return object.nodeId.slice(0, 6);
  if (object.kind !== "service") return "";
  const addresses = object.endpoint?.virtualIPs?.map(({ address }) => address).join(" ") ?? "";
  const { updateStatus, jobStatus, problem = "" } = object;
  return `v${object.specVersion} ${updateStatus?.state ?? "-"} ${jobStatus?.iteration ?? ""} ${addresses} ${problem}`;
}

function describeTask({ status, desired, nodeId, specVersion, cause, networks = [] }: Task): string {
  const node = nodeId === undefined ? "" : ` on ${nodeId.slice(0, 6)}`;
  const err = status.err === undefined ? "" : ` (${status.err})`;
  const addresses = networks.map(({ address }) => ` ${address}`).join("");
  return `${status.state}/${desired}${node} v${specVersion} ${cause.kind}${addresses}${err}`;
}
