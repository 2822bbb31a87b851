import type { Kind, Revision, StoreObject, Timestamp } from "./objects.ts";

/** Names a lease in the store that granted it. */
export type LeaseId = string;

/**
 * One operation of a commit. `expect` is the version that the writer has read; the whole commit is refused when any
 * object is at another one. Of the object given to `create` and `update`, the store keeps everything but `version`,
 * which it sets to the commit's revision.
 *
 * Objects of ephemeral kinds are created with a `lease`, and deleted by the store when it ends; an `update` leaves them
 * with theirs. Objects of the other kinds have none.
 */
export type Operation =
  | { readonly type: "create"; readonly object: StoreObject; readonly lease?: LeaseId }
  | { readonly type: "update"; readonly object: StoreObject; readonly expect: Revision }
  | { readonly type: "delete"; readonly kind: Kind; readonly id: string; readonly expect: Revision }
  /** Changes nothing; refuses the commit unless the object is still at `expect`. Fences a leader's writes. */
  | { readonly type: "check"; readonly kind: Kind; readonly id: string; readonly expect: Revision };

/** What a planner decided: writes for the store, and when to look again although nothing changed. */
export interface Plan {
  readonly operations: readonly Operation[];
  readonly again?: Timestamp;
}

/** What a planner may know besides the view: the time as data, and a source of ids. */
export interface PlanContext {
  readonly now: Timestamp;
  readonly newId: () => string;
}
