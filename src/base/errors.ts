/**
 * Why an operation was refused or failed. A closed set: the Engine API, the wire protocol and the command line each
 * have one table from these codes to their own.
 */
export type ErrorCode =
  | "invalid" // the request is malformed or can never succeed as it is
  | "precondition" // the request is well formed, but the state of the cluster forbids it
  | "unauthenticated" // a wrong or missing credential
  | "forbidden" // a known caller that may not do this
  | "not_found"
  | "exists" // the name or id is taken
  | "sequence" // the object was changed since the caller read it
  | "unimplemented"
  | "unavailable" // try again later, or elsewhere
  | "internal";

/** The one error class of the product. The message says what happened and, where a person will read it, what to do. */
export class FlotillaError extends Error {
  override readonly name = "FlotillaError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The code of any thrown value; what is not ours is `internal`. */
export const errorCode = (err: unknown): ErrorCode => (err instanceof FlotillaError ? err.code : "internal");

/** The text of any thrown value. */
export const errorMessage = (err: unknown): string => (err instanceof Error ? err.message : String(err));

/** Throws unless `holds`: for what only a bug of ours can break. */
export function invariant(holds: unknown, message: string): asserts holds {
  if (!holds) throw new FlotillaError("internal", `broken invariant: ${message}`);
}

/** Marks the branch that an exhaustive switch never takes. */
export function unreachable(value: never): never {
  throw new FlotillaError("internal", `unexpected value: ${JSON.stringify(value)}`);
}
