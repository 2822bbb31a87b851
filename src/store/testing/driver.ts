import assert from "node:assert/strict";
import type { Revision, StoreObject } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import type { CommitResult, Store, StoreOptions } from "#store/store.ts";

/** Where the stores of one test keep their state; empty at first. */
export interface Database extends AsyncDisposable {
  /** Opens a store on the state that the stores before it have left. */
  open(options?: StoreOptions): Promise<Store>;
}

export type CreateDatabase = () => Promise<Database>;

/** The signal of calls that nobody aborts. */
export const never = new AbortController().signal;

export const create = (object: StoreObject): Operation => ({ type: "create", object });

export const update = (object: StoreObject, expect: Revision = object.version): Operation => ({
  type: "update",
  object,
  expect,
});

export const remove = ({ kind, id, version }: StoreObject): Operation => ({
  type: "delete",
  kind,
  id,
  expect: version,
});

export const check = ({ kind, id, version }: StoreObject): Operation => ({ type: "check", kind, id, expect: version });

/** The revision of a commit that must succeed. */
export function committed(result: CommitResult): Revision {
  assert.ok(result.ok, `refused: ${JSON.stringify(result)}`);
  return result.revision;
}

/** Creates `objects` in one commit, and returns them as they are stored. */
export async function createAll<T extends StoreObject>(
  store: Pick<Store, "commit">,
  objects: readonly T[],
): Promise<T[]> {
  const version = committed(await store.commit(objects.map(create), never));
  return objects.map((object) => ({ ...object, version }));
}

/** Creates `object` in a commit of its own, and returns it as it is stored. */
export async function createOne<T extends StoreObject>(store: Pick<Store, "commit">, object: T): Promise<T> {
  return { ...object, version: committed(await store.commit([create(object)], never)) };
}
