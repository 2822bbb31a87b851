import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { type ErrorCode, FlotillaError } from "#base/errors.ts";

/** The one table between our codes and the transport's. */
const CODES = {
  invalid: Code.InvalidArgument,
  precondition: Code.FailedPrecondition,
  unauthenticated: Code.Unauthenticated,
  forbidden: Code.PermissionDenied,
  not_found: Code.NotFound,
  exists: Code.AlreadyExists,
  sequence: Code.Aborted,
  unimplemented: Code.Unimplemented,
  unavailable: Code.Unavailable,
  internal: Code.Internal,
} as const satisfies Record<ErrorCode, Code>;

/**
 * Marks an error as one of ours. The transport uses the same codes for its own failures (a reset connection is
 * `Aborted`, as is our `sequence`), so the code alone does not say who speaks.
 */
const CODE_HEADER = "flotilla-code";

/** What the transport itself reports; anything else that is not ours means that the manager cannot be used now. */
const TRANSPORT_CODES: ReadonlyMap<Code, ErrorCode> = new Map([
  [Code.Unimplemented, "unimplemented"],
  [Code.ResourceExhausted, "invalid"],
]);

/** The transport's form of any error that a service throws. What is not ours stays vague: it may hold a secret. */
export function toConnectError(err: unknown): ConnectError {
  if (err instanceof ConnectError) return err;
  const ours = err instanceof FlotillaError ? err : new FlotillaError("internal", "internal error of the manager");
  return new ConnectError(ours.message, CODES[ours.code], { [CODE_HEADER]: ours.code }, undefined, err);
}

/** Our form of any error of a call. A call that `signal` ended throws the signal's reason. */
export function fromConnectError(err: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (!(err instanceof ConnectError)) return err;
  const own = ownCause(err);
  if (own !== undefined) return own;
  const code = err.metadata.get(CODE_HEADER);
  if (isErrorCode(code)) return new FlotillaError(code, err.rawMessage, { cause: err });
  return new FlotillaError(TRANSPORT_CODES.get(err.code) ?? "unavailable", err.rawMessage, { cause: err });
}

/** Translates what services throw, in calls and in the midst of streams. `report` hears of what is not ours. */
export const translateErrors =
  (report: (err: unknown) => void): Interceptor =>
  (next) =>
  async (request) => {
    const translate = (err: unknown): ConnectError => {
      if (!(err instanceof FlotillaError) && !(err instanceof ConnectError) && !request.signal.aborted) report(err);
      return toConnectError(err);
    };
    try {
      const response = await next(request);
      return response.stream ? { ...response, message: translated(response.message, translate) } : response;
    } catch (err) {
      throw translate(err);
    }
  };

async function* translated<T>(source: AsyncIterable<T>, translate: (err: unknown) => unknown): AsyncIterable<T> {
  try {
    yield* source;
  } catch (err) {
    throw translate(err);
  }
}

/** Our own error, when one lies beneath what the transport and Node have made of it. */
function ownCause(err: Error): FlotillaError | undefined {
  for (let cause = err.cause; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof FlotillaError) return cause;
  }
  return undefined;
}

const isErrorCode = (code: string | null): code is ErrorCode => code !== null && code in CODES;
