import { isDeepStrictEqual } from "node:util";
import type { Node, Task } from "#model/objects.ts";
import { isPerNode } from "#model/service-mode.ts";
import type { Change, View } from "#model/view.ts";
import { planEnforce } from "#plan/enforce.ts";
import { planManager } from "#plan/managers.ts";
import { planNode } from "#plan/nodes.ts";
import { planReap, planReapServiceless } from "#plan/reap.ts";
import { planService } from "#plan/service.ts";
import type { Loop } from "./loop.ts";

/** The one key of a loop that plans everything at once. */
const SERVICELESS = "serviceless";

/** The control loops of a leading manager, but for allocator and scheduler, which plan everything at once. */
export const LOOPS: readonly Loop[] = [
  {
    name: "orchestrator",
    startKeys: serviceKeys,
    *touched(change, view) {
      yield* touchedService(change);
      if (change.kind === "node" && isMaterial(change)) yield* servicesOnNode(nodeOf(change), view);
    },
    plan: planService,
  },
  {
    name: "task reaper",
    startKeys: serviceKeys,
    *touched(change) {
      if (change.kind === "cluster") return;
      yield* touchedService(change);
    },
    plan: planReap,
  },
  {
    name: "serviceless task reaper",
    startKeys: () => [SERVICELESS],
    *touched(change, view) {
      const task = change.kind === "task" && change.type !== "delete" ? change.object : undefined;
      const isOwned = task?.serviceId !== undefined && view.get("service", task.serviceId) !== undefined;
      if (task !== undefined && !isOwned) yield SERVICELESS;
    },
    plan: (view, _key, context) => planReapServiceless(view, context),
  },
  {
    name: "constraint enforcer",
    startKeys: nodeKeys,
    *touched(change) {
      if (change.kind === "node" && change.type !== "delete" && isMaterial(change)) yield change.object.id;
    },
    plan: planEnforce,
  },
  {
    name: "node keeper",
    startKeys: (view) => new Set([...nodeKeys(view), ...[...view.list("task")].flatMap((task) => task.nodeId ?? [])]),
    *touched(change) {
      if (change.kind === "node" && isMaterial(change)) yield nodeOf(change).id;
    },
    plan: planNode,
  },
  {
    name: "manager status",
    startKeys: nodeKeys,
    *touched(change) {
      if (change.kind === "manager") yield change.type === "delete" ? change.old.id : change.object.id;
      if (change.kind === "leadership" && change.type !== "create") yield change.old.nodeId;
      if (change.kind === "leadership" && change.type !== "delete") yield change.object.nodeId;
      if (change.kind === "node" && isMaterial(change)) yield nodeOf(change).id;
    },
    plan: planManager,
  },
];

function* nodeKeys(view: View): Iterable<string> {
  for (const node of view.list("node")) yield node.id;
}

/** Services, and those whose tasks are all that is left of them. */
function* serviceKeys(view: View): Iterable<string> {
  for (const service of view.list("service")) yield service.id;
  for (const task of view.tasksWithoutService()) if (task.serviceId !== undefined) yield task.serviceId;
}

function* touchedService(change: Change): Iterable<string> {
  if (change.kind === "service") yield change.type === "delete" ? change.old.id : change.object.id;
  if (change.kind !== "task") return;
  const task: Task = change.type === "delete" ? change.old : change.object;
  if (task.serviceId !== undefined) yield task.serviceId;
}

const nodeOf = (change: Change<"node">): Node => (change.type === "delete" ? change.old : change.object);

/** Whether a node's change can matter to a placement; that it connected from another address, say, does not. */
function isMaterial(change: Change<"node">): boolean {
  if (change.type !== "update") return true;
  const { object, old } = change;
  return (
    object.status.state !== old.status.state ||
    object.status.addr !== old.status.addr ||
    object.role !== old.role ||
    !isDeepStrictEqual(object.spec, old.spec) ||
    !isDeepStrictEqual(object.description, old.description)
  );
}

function* servicesOnNode(node: Node, view: View): Iterable<string> {
  for (const task of view.tasksOfNode(node.id)) if (task.serviceId !== undefined) yield task.serviceId;
  for (const service of view.list("service")) if (isPerNode(service)) yield service.id;
}
