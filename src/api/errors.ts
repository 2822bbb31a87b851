import { type ErrorCode, errorMessage, FlotillaError } from "#base/errors.ts";

/** What Docker answers for each kind of error. Source: fact sheet 10.2. */
export const HTTP_STATUS = {
  invalid: 400,
  precondition: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  exists: 409,
  sequence: 500,
  unimplemented: 501,
  unavailable: 503,
  internal: 500,
} as const satisfies Record<ErrorCode, number>;

/** The gRPC code that Docker's own cluster manager gives the same error: part of the text that clients match on. */
const RPC_CODE = {
  invalid: "InvalidArgument",
  precondition: "FailedPrecondition",
  unauthenticated: "Unauthenticated",
  forbidden: "PermissionDenied",
  not_found: "NotFound",
  exists: "AlreadyExists",
  sequence: "Unknown",
  unimplemented: "Unimplemented",
  unavailable: "Unavailable",
  internal: "Unknown",
} as const satisfies Record<ErrorCode, string>;

export const invalid = (message: string, cause?: unknown): FlotillaError =>
  new FlotillaError("invalid", message, cause === undefined ? undefined : { cause });

/**
 * An answer of the cluster's manager, with the prefix that Docker puts before its errors. Not for what Docker's daemon
 * refuses itself, before it asks the manager: a local network in a service.
 */
export async function fromManager<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (err) {
    if (!(err instanceof FlotillaError) || err.message.startsWith("rpc error:")) throw err;
    throw new FlotillaError(err.code, `rpc error: code = ${RPC_CODE[err.code]} desc = ${err.message}`, { cause: err });
  }
}

/** Status and text of any thrown value: ours, the framework's (it has a `statusCode`), or a bug. */
export function errorAnswer(err: unknown): { readonly status: number; readonly message: string } {
  if (err instanceof FlotillaError) return { status: HTTP_STATUS[err.code], message: err.message };
  const status = err instanceof Error && "statusCode" in err ? err.statusCode : undefined;
  const isRefusal = typeof status === "number" && status >= 400 && status < 500;
  return { status: isRefusal ? 400 : 500, message: errorMessage(err) };
}
