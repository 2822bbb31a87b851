import type { DescService } from "@bufbuild/protobuf";
import { type ConnectRouter, createContextKey, type HandlerContext } from "@connectrpc/connect";
import { FlotillaError } from "#base/errors.ts";
import type { Access } from "./access.ts";
import type { Caller } from "./protocol.ts";

/** A protobuf service with what answers it, and who may call it. */
export interface WireService {
  readonly service: DescService;
  readonly access: Access;
  register(router: ConnectRouter): void;
}

/** Where the server leaves the caller for the handlers. */
export const callerKey = createContextKey<Caller | undefined>(undefined, { description: "caller" });

/** The caller of a service that only nodes may call. */
export function callerOf(context: HandlerContext): Caller {
  const caller = context.values.get(callerKey);
  if (caller === undefined) throw new FlotillaError("unauthenticated", "this call needs a node's certificate");
  return caller;
}
