import { create } from "@bufbuild/protobuf";
import { invariant } from "#base/errors.ts";
import { isEphemeral, type Kind, type ObjectOf, type Revision, type StoreObject } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import { judge, type Present, type Verdict } from "#store/judge.ts";
import { MAX_OPERATIONS } from "#store/store.ts";
import { wrap } from "./envelope.ts";
import {
  type Compare,
  type KeyValue,
  type RequestOp,
  type TxnRequest,
  TxnRequestSchema,
  type TxnResponse,
} from "./generated/etcdserverpb/rpc_pb.ts";
import type { Layout } from "./layout.ts";
import { bytes, isAbsent, isImportedAt, isModifiedAt, type PutLease, put, read, remove } from "./requests.ts";

/** What --max-txn-ops of etcd must allow, so that any commit can be made: an object's write, and two of names. */
export const TRANSACTION_ENTRIES = 4 * MAX_OPERATIONS;

/** An object as a commit writes it. */
export interface Written {
  readonly object: StoreObject;
  /** The value of its key. Sealing makes each unlike any other. */
  readonly value: Uint8Array;
}

/** Objects by `kind/id` that a commit replaces or deletes, as they are at the versions that it expects. */
export type Replaced = ReadonlyMap<string, StoreObject>;

export const objectKey = ({ kind, id }: { readonly kind: Kind; readonly id: string }): string => `${kind}/${id}`;

const target = (operation: Operation): { readonly kind: Kind; readonly id: string } =>
  "object" in operation ? operation.object : operation;

/**
 * Seals what a commit writes, by `kind/id`.
 * @param versions whether objects get the version of the commit, or keep what they have.
 */
export const sealWrites = (
  operations: readonly Operation[],
  versions: "new" | "kept",
  layout: Layout,
): ReadonlyMap<string, Written> =>
  new Map(
    operations.flatMap((operation) => {
      if (!("object" in operation)) return [];
      const { object } = operation;
      const imported = versions === "kept" ? object.version : 0;
      invariant(imported <= layout.base, `version ${imported} is above those that etcd's revisions begin with`);
      return [[objectKey(object), { object, value: wrap(layout.codec.encode(object), imported) }]];
    }),
  );

/**
 * A commit as one transaction of etcd. It holds when all objects are at the expected versions and all names are free;
 * otherwise nothing is written, and the answer has all that is needed to say why.
 *
 * Names are keys of their own, whose value is the holder's id. Every transaction keeps them in step with the objects:
 * so what an object at a known version is called tells which keys it has. A commit that names many objects needs up to
 * three entries for each, more than etcd takes by default: see `TRANSACTION_ENTRIES`.
 */
export function transaction(
  operations: readonly Operation[],
  writes: ReadonlyMap<string, Written>,
  replaced: Replaced,
  layout: Layout,
): TxnRequest {
  const names = nameChanges(operations, replaced, layout);
  const isWrite = operations.some(({ type }) => type !== "check");
  return create(TxnRequestSchema, {
    compare: [
      ...operations.flatMap((operation) => versionCompares(operation, layout)),
      ...names.free.map(isAbsent),
      ...(names.clash ? [impossible(layout)] : []),
    ],
    success: [
      ...operations.flatMap((operation) => objectWrite(operation, writes, layout) ?? []),
      ...names.taken.map(([key, id]) => put(key, bytes(id))),
      ...names.left.map(remove),
      isWrite ? put(layout.keys.last, NOTHING) : read(layout.keys.last),
    ],
    failure: readKeys(operations, layout).map(read),
  });
}

const NOTHING = new Uint8Array();

/**
 * The store's revision after a transaction that held: that of its own writes, or else of the last commit before it.
 * Zero before there was one.
 */
export function revisionAfter(answer: TxnResponse, layout: Layout): Revision {
  const last = foundKeys(answer).get(layout.keys.last);
  const isRead = answer.responses.some(({ response }) => response.case === "responseRange");
  if (isRead) return last ? layout.revision(last.modRevision) : 0;
  return layout.revision(answer.header?.revision ?? 0n);
}

/** Why a transaction did not hold. */
export function judgeAnswer(operations: readonly Operation[], answer: TxnResponse, layout: Layout): Verdict {
  return judge(operations, new AnsweredPresent(answer, layout), 0);
}

/** The keys that a transaction which does not hold reads: the objects', then the names'. */
function readKeys(operations: readonly Operation[], layout: Layout): string[] {
  const objects = operations.map((operation) => {
    const { kind, id } = target(operation);
    return layout.keys.object(kind, id);
  });
  const names = operations.flatMap((operation) =>
    "object" in operation ? (layout.nameKey(operation.object) ?? []) : [],
  );
  return [...new Set([...objects, ...names])];
}

/** The state at which a transaction did not hold. */
class AnsweredPresent implements Present {
  readonly #layout: Layout;
  readonly #found: ReadonlyMap<string, KeyValue>;

  constructor(answer: TxnResponse, layout: Layout) {
    this.#layout = layout;
    this.#found = foundKeys(answer);
  }

  get<K extends Kind>(kind: K, id: string): ObjectOf[K] | undefined {
    const found = this.#found.get(this.#layout.keys.object(kind, id));
    return found && (this.#layout.decode(found) as ObjectOf[K] | undefined);
  }

  holder(kind: Kind, name: string): string | undefined {
    const found = this.#found.get(this.#layout.nameKeyOf(kind, name));
    return found && Buffer.from(found.value).toString();
  }
}

/** What a transaction that did not hold has read, by key. */
export const foundKeys = (answer: TxnResponse): ReadonlyMap<string, KeyValue> =>
  new Map(
    answer.responses.flatMap(({ response }) =>
      response.case === "responseRange" ? response.value.kvs.map((kv) => [Buffer.from(kv.key).toString(), kv]) : [],
    ),
  );

function versionCompares(operation: Operation, layout: Layout): Compare[] {
  const { kind, id } = target(operation);
  const key = layout.keys.object(kind, id);
  if (operation.type === "create") return [isAbsent(key)];
  const { expect } = operation;
  // Users may send any number.
  if (!Number.isSafeInteger(expect) || expect <= 0) return [impossible(layout)];
  return expect > layout.base ? [isModifiedAt(key, layout.etcdRevision(expect))] : isImportedAt(key, expect);
}

/** Never holds: a store always has this key. */
const impossible = (layout: Layout): Compare => isAbsent(layout.keys.meta);

function objectWrite(
  operation: Operation,
  writes: ReadonlyMap<string, Written>,
  layout: Layout,
): RequestOp | undefined {
  if (operation.type === "check") return undefined;
  const address = target(operation);
  const key = layout.keys.object(address.kind, address.id);
  const written = writes.get(objectKey(address));
  return written === undefined ? remove(key) : put(key, written.value, leaseOf(operation));
}

function leaseOf(operation: Operation): PutLease | undefined {
  if (operation.type === "create")
    return operation.lease === undefined ? undefined : { lease: BigInt(operation.lease) };
  return isEphemeral(target(operation).kind) ? { ignoreLease: true } : undefined;
}

interface NameChanges {
  /** Keys that nobody may have. */
  readonly free: readonly string[];
  /** Keys that get another holder, with its id. */
  readonly taken: readonly (readonly [key: string, id: string])[];
  readonly left: readonly string[];
  /** Two objects of the commit want one name. */
  readonly clash: boolean;
}

function nameChanges(operations: readonly Operation[], replaced: Replaced, layout: Layout): NameChanges {
  const before = new Map<string, string>();
  const after = new Map<string, string>();
  let clash = false;
  for (const operation of operations) {
    if (operation.type === "check") continue;
    const old = replaced.get(objectKey(target(operation)));
    const oldKey = old && layout.nameKey(old);
    if (old && oldKey !== undefined) before.set(oldKey, old.id);
    const newKey = "object" in operation ? layout.nameKey(operation.object) : undefined;
    if (!("object" in operation) || newKey === undefined) continue;
    clash ||= after.has(newKey);
    after.set(newKey, operation.object.id);
  }
  return {
    free: [...after.keys()].filter((key) => !before.has(key)),
    taken: [...after].filter(([key, id]) => before.get(key) !== id),
    left: [...before.keys()].filter((key) => !after.has(key)),
    clash,
  };
}
