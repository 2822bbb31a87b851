import { addressInRange } from "#base/cidr.ts";
import { errorCode, FlotillaError } from "#base/errors.ts";
import type { Node } from "./objects.ts";

/** One parsed placement constraint: `key == value` or `key != value`. */
export interface Constraint {
  readonly key: string;
  readonly operator: Operator;
  readonly value: string;
}

export type Operator = "==" | "!=";

const OPERATORS: readonly Operator[] = ["==", "!="];
/** Source of both patterns: fact sheet 5.3. */
const KEY = /^[a-z_][a-z0-9\-_.]+$/i;
const VALUE = /^[a-z0-9:\-_\t\n\f\r .*()?+[\]\\^$|/]+$/i;
const NODE_LABEL = "node.labels.";
const ENGINE_LABEL = "engine.labels.";

/**
 * Constraints as users write them, parsed; a node must satisfy all of them.
 * @throws FlotillaError `invalid`, with Docker's text, for the first one that is malformed.
 */
export const parseConstraints = (list: readonly string[]): readonly Constraint[] => list.map(parseConstraint);

/** As `parseConstraints`, of a spec that has been accepted before: undefined when it is malformed all the same. */
export function readConstraints(list: readonly string[]): readonly Constraint[] | undefined {
  try {
    return parseConstraints(list);
  } catch (err) {
    if (errorCode(err) === "invalid") return undefined;
    throw err;
  }
}

/** Whether `node` satisfies every constraint. Values compare whole and in any case of letters. */
export const matchesConstraints = (constraints: readonly Constraint[], node: Node): boolean =>
  constraints.every((constraint) => matches(constraint, node));

/**
 * The label that `node.labels.NAME` or `engine.labels.NAME` stands for, "" where the node has none; undefined when
 * `descriptor` names no label. The prefix is read in any case of letters, NAME as it stands.
 */
export function nodeLabel(descriptor: string, node: Node): string | undefined {
  const own = labelName(descriptor, NODE_LABEL);
  if (own !== undefined) return ownValue(node.spec.Labels, own);
  const engine = labelName(descriptor, ENGINE_LABEL);
  return engine === undefined ? undefined : ownValue(node.description?.Engine.Labels, engine);
}

function parseConstraint(text: string): Constraint {
  const operator = OPERATORS.find((candidate) => text.includes(candidate));
  if (operator === undefined) {
    throw new FlotillaError("invalid", `constraint expected one operator from ${OPERATORS.join(", ")}`);
  }
  const at = text.indexOf(operator);
  const key = text.slice(0, at).trim();
  const value = text.slice(at + operator.length).trim();
  if (!KEY.test(key)) throw new FlotillaError("invalid", `key '${key}' is invalid`);
  if (!VALUE.test(value)) throw new FlotillaError("invalid", `value '${value}' is invalid`);
  return { key, operator, value };
}

function matches({ key, operator, value }: Constraint, node: Node): boolean {
  const equal =
    key.toLowerCase() === "node.ip" ? addressInRange(node.status.addr, value) : sameText(attribute(key, node), value);
  // What cannot be compared (an unknown key, a malformed address) satisfies neither operator.
  return equal !== undefined && equal === (operator === "==");
}

const sameText = (actual: string | undefined, wanted: string): boolean | undefined =>
  actual === undefined ? undefined : actual.toLowerCase() === wanted.toLowerCase();

/** What `key` says of `node`: "" when the node does not tell, undefined when no such key exists. */
function attribute(key: string, node: Node): string | undefined {
  switch (key.toLowerCase()) {
    case "node.id":
      return node.id;
    case "node.hostname":
      return node.description?.Hostname ?? "";
    case "node.role":
      return node.role;
    case "node.platform.os":
      return node.description?.Platform.OS ?? "";
    case "node.platform.arch":
      return node.description?.Platform.Architecture ?? "";
    default:
      return nodeLabel(key, node);
  }
}

const labelName = (descriptor: string, prefix: string): string | undefined =>
  descriptor.length > prefix.length && descriptor.slice(0, prefix.length).toLowerCase() === prefix
    ? descriptor.slice(prefix.length)
    : undefined;

/** A label's value. Not plain indexing: a label may be asked for by a name that every object inherits. */
const ownValue = (labels: Readonly<Record<string, string>> | undefined, name: string): string =>
  labels !== undefined && Object.hasOwn(labels, name) ? (labels[name] ?? "") : "";
