import { FlotillaError } from "#base/errors.ts";
import type { Node } from "#model/objects.ts";
import { readDocument } from "./body.ts";
import { type Answer, type ApiContext, type Call, empty, idOf, json, list, manage } from "./call.ts";
import { NODE_SPEC } from "./cluster-documents.ts";
import { nodeJson } from "./convert/node-json.ts";
import { type Filters, parseFilters } from "./filters.ts";
import { isFlagSet, parseObjectVersion } from "./query.ts";
import { resolve } from "./resolve.ts";

const FILTERS = ["id", "name", "label", "node.label", "role", "membership"];
const ROLES = ["worker", "manager"];
const MEMBERSHIPS = ["pending", "accepted"];

export function listNodes(api: ApiContext, call: Call): Answer {
  const matches = nodeMatcher(parseFilters(call.query).accept(FILTERS));
  const { view } = api.membership.control();
  return list([...view.list("node")].filter(matches), (node) => nodeJson(asFarAsKnown(api, node)));
}

export const inspectNode = (api: ApiContext, call: Call): Answer =>
  json(nodeJson(asFarAsKnown(api, resolve(api.membership.control().view, "node", idOf(call)))));

/** The node without what a manager that is cut off from the others cannot know: who leads, and who is there. */
function asFarAsKnown(api: ApiContext, node: Node): Node {
  if (node.manager === undefined || api.membership.control().problem === undefined) return node;
  const reachability = node.id === api.membership.local.nodeId ? "reachable" : "unknown";
  return { ...node, manager: { ...node.manager, leader: false, reachability } };
}

export async function updateNode(api: ApiContext, call: Call): Promise<Answer> {
  const spec = await readDocument(call.request, "NodeSpec", NODE_SPEC, call.version);
  const version = parseObjectVersion(call.query, "node");
  const { id } = resolve(api.membership.control().view, "node", idOf(call));
  await manage(api, "the update of the node", (control, signal) => control.updateNode(id, version, spec, signal));
  return empty();
}

export async function removeNode(api: ApiContext, call: Call): Promise<Answer> {
  const { id } = resolve(api.membership.control().view, "node", idOf(call));
  const force = isFlagSet(call.query, "force");
  await manage(api, "the removal of the node", (control, signal) => control.removeNode(id, force, signal));
  return empty();
}

/** `label` is the engine's labels, `node.label` those of the spec; a role is the one in force. */
function nodeMatcher(filters: Filters): (node: Node) => boolean {
  const roles = words(filters, "role", ROLES);
  const memberships = words(filters, "membership", MEMBERSHIPS);
  return (node) =>
    filters.hasPrefixOf("id", node.id) &&
    filters.hasPrefixOf("name", node.description?.Hostname ?? "") &&
    filters.matchesLabels("label", node.description?.Engine.Labels) &&
    filters.matchesLabels("node.label", node.spec.Labels) &&
    (roles.length === 0 || roles.includes(node.role)) &&
    // Nodes exist from the moment that they are accepted.
    (memberships.length === 0 || memberships.includes("accepted"));
}

/** The values of a filter that knows its words. Docker answers 500 to others. */
function words(filters: Filters, key: string, known: readonly string[]): readonly string[] {
  const wanted = filters.get(key).filter((value) => value !== "");
  for (const value of wanted) {
    if (!known.includes(value.toLowerCase())) throw new FlotillaError("internal", `Invalid ${key} filter: '${value}'`);
  }
  return wanted.map((value) => value.toLowerCase());
}
