import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { createConnectRouter, createContextKey, createContextValues, type HandlerContext } from "@connectrpc/connect";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { NodeId } from "#model/ids.ts";
import { type Access, authenticate, authorize, type Peer } from "./access.ts";
import type { CurrentIdentity, Identity } from "./identity.ts";
import { MAX_MESSAGE_BYTES } from "./limits.ts";
import type { Caller } from "./protocol.ts";
import { toConnectError, translateErrors } from "./rpc-errors.ts";
import { callerKey, type WireService } from "./service.ts";

export interface ListenerDeps {
  readonly identity: CurrentIdentity;
  readonly services: readonly WireService[];
  readonly isRemoved: (nodeId: NodeId) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** The other end of an HTTP/2 session, once its handshake is over. */
  readonly peerOf: (session: object) => Peer | undefined;
  /** Ends every call with its reason. */
  readonly stop: AbortSignal;
}

type RequestListener = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

const peerKey = createContextKey<Peer | undefined>(undefined, { description: "peer" });

/** Answers HTTP/2 requests with the services. Who calls is checked before a byte of the message is read. */
export function createRequestListener(deps: ListenerDeps): RequestListener {
  const { services, log, stop } = deps;
  const router = createConnectRouter({
    grpc: false,
    grpcWeb: false,
    requireConnectProtocolHeader: true,
    acceptCompression: [],
    readMaxBytes: MAX_MESSAGE_BYTES,
    writeMaxBytes: MAX_MESSAGE_BYTES,
    shutdownSignal: stop,
    interceptors: [translateErrors((err) => log.error({ err }, "call failed"))],
    requestGate: createGate(deps),
  });
  for (const service of services) service.register(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));

  return (request, response) => {
    const handler = handlers.get(request.url);
    const peer = request.stream.session === undefined ? undefined : deps.peerOf(request.stream.session);
    if (handler === undefined || peer === undefined) return refuse(response, 404);
    const call = readCall(request, response, peer);
    if (call === undefined) return refuse(response, 400);
    handler(call)
      .then((answer) => universalResponseToNodeResponse(answer, response))
      .catch((err: unknown) => log.debug({ err, addr: peer.addr, method: handler.method.name }, "call broken off"));
  };
}

/** The transport throws at what a stranger may well send, such as an authority that fits into no URL. */
function readCall(request: Http2ServerRequest, response: Http2ServerResponse, peer: Peer) {
  try {
    return universalRequestFromNodeRequest(request, response, undefined, createContextValues().set(peerKey, peer));
  } catch {
    return undefined;
  }
}

function refuse(response: Http2ServerResponse, status: 400 | 404): void {
  response.writeHead(status);
  response.end();
}

/** Decides on each call, from the certificate that was shown when the connection was made and what is known now. */
function createGate(deps: ListenerDeps): (context: HandlerContext) => void {
  const { identity, clock, isRemoved } = deps;
  const access = new Map<string, Access>(deps.services.map((entry) => [entry.service.typeName, entry.access]));
  const recognise = createRecogniser(identity, clock);
  return (context) => {
    const peer = context.values.get(peerKey);
    try {
      const allowed = access.get(context.service.typeName) ?? [];
      context.values.set(callerKey, authorize(peer ?? NOBODY, allowed, recognise, isRemoved));
    } catch (err) {
      throw toConnectError(err);
    }
  };
}

const NOBODY: Peer = { addr: "", chain: undefined };

interface Recognised {
  readonly by: Identity;
  readonly caller: Caller;
  readonly until: number;
}

/** `authenticate`, remembered for as long as neither our identity nor the caller's certificate has run out. */
function createRecogniser(identity: CurrentIdentity, clock: Clock): (peer: Peer) => Caller {
  const known = new WeakMap<Peer, Recognised>();
  return (peer) => {
    const [by, now] = [identity.current, clock.now()];
    const before = known.get(peer);
    if (before !== undefined && before.by === by && now <= before.until) return before.caller;
    const caller = authenticate(peer, by, now);
    const until = Math.min(...(peer.chain ?? []).map((certificate) => certificate.validToDate.getTime()));
    known.set(peer, { by, caller, until });
    return caller;
  };
}
