import type { Resource } from "./blocked.ts";
import type { Allocated } from "./holdings.ts";

/** What can be done for an object now. */
export type Outcome<T extends Allocated> =
  /** It has all that it needs, or will when it is `object`. */
  | { readonly kind: "met"; readonly object: T }
  /** It has to wait; `object` is it with the reason, if it is to bear one. */
  | { readonly kind: "waits"; readonly lacking: Resource; readonly object: T };
