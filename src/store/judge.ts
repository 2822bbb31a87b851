import { FlotillaError } from "#base/errors.ts";
import { isEphemeral, type Kind, type ObjectOf, type Revision } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import type { Change } from "#model/view.ts";
import { creation, deletion, replacement } from "./change.ts";
import { deepFreeze } from "./freeze.ts";
import { type Conflict, MAX_OPERATIONS } from "./store.ts";
import { uniqueName } from "./unique-name.ts";

/** What must be known of the present state to judge a commit. */
export interface Present {
  get<K extends Kind>(kind: K, id: string): ObjectOf[K] | undefined;
  /** The id of the object that holds a unique name. */
  holder(kind: Kind, name: string): string | undefined;
}

export type Verdict =
  | { readonly ok: true; readonly changes: readonly Change[] }
  | { readonly ok: false; readonly conflict: Conflict };

/**
 * What a commit does to the present state, or the first operation that forbids it. Versions are compared with the state
 * before the commit, names must be unique after it; so the order of the operations does not matter, and names can be
 * passed on or swapped within a commit.
 *
 * @throws FlotillaError `invalid` as `writtenKeys` does.
 */
export function judge(operations: readonly Operation[], present: Present, revision: Revision): Verdict {
  const written = writtenKeys(operations);
  for (const operation of operations) {
    const reason = versionConflict(operation, present);
    if (reason !== undefined) return { ok: false, conflict: { operation, reason } };
  }
  const clash = nameClash(operations, written, present);
  if (clash !== undefined) return { ok: false, conflict: { operation: clash, reason: "name" } };
  return { ok: true, changes: operations.flatMap((operation) => changeOf(operation, present, revision) ?? []) };
}

const target = (operation: Operation): { readonly kind: Kind; readonly id: string } =>
  "object" in operation ? operation.object : operation;
const keyOf = (kind: Kind, id: string): string => `${kind}/${id}`;

/**
 * The objects that a commit writes, as `kind/id`.
 * @throws FlotillaError `invalid` when it is too large, writes an object twice, or gives a lease to what may not have one.
 */
export function writtenKeys(operations: readonly Operation[]): ReadonlySet<string> {
  const written = new Set<string>();
  for (const operation of operations) {
    if (operation.type === "check") continue;
    const { kind, id } = target(operation);
    const key = keyOf(kind, id);
    if (written.has(key)) throw new FlotillaError("invalid", `a commit writes ${kind} ${id} twice`);
    if (operation.type === "create" && isEphemeral(kind) !== (operation.lease !== undefined)) {
      throw new FlotillaError("invalid", `a ${kind} ${isEphemeral(kind) ? "needs a lease" : "cannot have a lease"}`);
    }
    written.add(key);
  }
  if (written.size > MAX_OPERATIONS) {
    throw new FlotillaError("invalid", `a commit of ${written.size} writes: split it, ${MAX_OPERATIONS} is the most`);
  }
  return written;
}

function versionConflict(operation: Operation, present: Present): Conflict["reason"] | undefined {
  const { kind, id } = target(operation);
  const found = present.get(kind, id);
  if (operation.type === "create") return found && "exists";
  if (found === undefined) return "missing";
  return found.version === operation.expect ? undefined : "sequence";
}

function nameClash(
  operations: readonly Operation[],
  written: ReadonlySet<string>,
  present: Present,
): Operation | undefined {
  const taken = new Set<string>();
  for (const operation of operations) {
    if (!("object" in operation)) continue;
    const { kind } = operation.object;
    const name = uniqueName(operation.object);
    if (name === undefined) continue;
    const holder = present.holder(kind, name);
    // A holder that this commit writes, too, has its name after the commit among `taken`.
    if (holder !== undefined && !written.has(keyOf(kind, holder))) return operation;
    const key = keyOf(kind, name);
    if (taken.has(key)) return operation;
    taken.add(key);
  }
  return undefined;
}

function changeOf(operation: Operation, present: Present, revision: Revision): Change | undefined {
  if (operation.type === "check") return undefined;
  const { kind, id } = target(operation);
  const old = present.get(kind, id);
  if (operation.type === "delete") return old && deletion(old);
  const object = deepFreeze({ ...operation.object, version: revision });
  return old ? replacement(old, object) : creation(object);
}
