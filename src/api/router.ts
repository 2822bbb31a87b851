import type { IncomingMessage, ServerResponse } from "node:http";
import fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import { LinkedAbort } from "#base/abort.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { sendAnswer, sendError } from "./answer.ts";
import { isOlder, MIN_API_VERSION, splitVersion } from "./api-version.ts";
import {
  type Answer,
  type ApiContext,
  type Call,
  type CallScope,
  clusterCalls,
  controlOf,
  isForCluster,
} from "./call.ts";
import { chosenNode, isForNodeAlone } from "./chosen-node.ts";
import { download, isDownload } from "./download.ts";
import { errorAnswer, invalid } from "./errors.ts";
import { clusterOf } from "./follow-cluster.ts";
import { forward, forwardDocument } from "./pass-through.ts";
import { isClusterPath, ROUTES, type Route, readsCluster } from "./routes.ts";

export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

/** Who sent a request, and so what it is about. */
export type ScopeOf = (request: IncomingMessage) => CallScope;

/** Longer than any reference in a path. */
const MAX_PARAM_LENGTH = 16 * 1024;

/**
 * Gives each request to the handler of its path, and all others to the engine. Fastify finds the route; bodies are read
 * and answers written here, so that nothing stands between a stream and its reader.
 */
export async function createRouter(api: ApiContext, scopeOf: ScopeOf): Promise<RequestListener> {
  const app = fastify({
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    rewriteUrl: (request) => splitVersion(request.url ?? "/").target,
    frameworkErrors: (err, _request, reply) => sendError(takeOver(reply), err),
  });
  app.setErrorHandler((err, _request, reply) => sendError(takeOver(reply), err));
  app.setNotFoundHandler((_request, reply) => sendError(takeOver(reply), notFound()));
  app.addHook("onRequest", async (request, reply) => begin(api, request, reply));
  // All is done before fastify would look at a body, and refuse content types that are not its business.
  for (const route of ROUTES) {
    const onRequest = (request: FastifyRequest, reply: FastifyReply) => serve(api, scopeOf, route, request, reply);
    app.route({ method: route.method, url: route.path, onRequest, handler: () => undefined });
  }
  app.all("/*", { onRequest: (request, reply) => passThrough(api, scopeOf, request, reply) }, () => undefined);
  await app.ready();
  return (request, response) => app.routing(request, response);
}

/** No route has a schema. Told so, fastify does not load its compilers for them, which are half of all its code. */
const noSchemas = () => {
  throw new FlotillaError("internal", "routes have no schemas");
};

const notFound = (): FlotillaError => new FlotillaError("not_found", "page not found");

/** From here on the answer is ours to write. */
function takeOver(reply: FastifyReply): ServerResponse {
  if (!reply.sent) reply.hijack();
  return reply.raw;
}

/** The headers of every answer. @throws FlotillaError `invalid` for an API version that is not spoken here. */
async function begin(api: ApiContext, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { version } = splitVersion(request.originalUrl);
  await api.engine.identify(api.signal);
  const { identity } = api.engine;
  const { apiVersion } = api.engines;
  const osType = identity?.osType ?? "linux";
  reply.raw.setHeader("Api-Version", apiVersion);
  reply.raw.setHeader("Docker-Experimental", identity?.experimental ?? "false");
  reply.raw.setHeader("Ostype", osType);
  reply.raw.setHeader("Server", identity?.server ?? `Docker/${api.version} (${osType})`);
  if (version === undefined) return;
  if (isOlder(version, MIN_API_VERSION)) {
    throw invalid(
      `client version ${version} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
    );
  }
  if (isOlder(apiVersion, version)) {
    throw invalid(`client version ${version} is too new. Maximum supported API version is ${apiVersion}`);
  }
}

async function serve(
  api: ApiContext,
  scopeOf: ScopeOf,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const response = takeOver(reply);
  using client = clientOf(api, response);
  const call = callOf(api, scopeOf, request, response, client.signal);
  try {
    const isUnknown = route.since !== undefined && isOlder(call.version, route.since);
    const isNameless = Object.values(call.params).includes("");
    if (isUnknown || (isNameless && readsCluster(route))) throw notFound();
    if (route.method === "GET") await lookAtPresent(api, route, response, call.signal);
    if (await forwardToChosen(api, call, request)) return;
    const answer: Answer = isNameless ? { kind: "locate" } : await route.handle(api, call);
    if (answer.kind === "forward") await forward(api.engine, request.raw, response, request.originalUrl, answer.body);
    else if (answer.kind === "locate") await forwardTo(api, call.signal, request, response);
    else await sendAnswer(response, answer);
  } catch (err) {
    logFailure(api, call, route, err);
    sendError(response, err);
  }
}

/**
 * Sees to it that a read shows what clients of any manager were told before. Where that is impossible, it is answered
 * with what was known last, and says so. Source of the form: RFC 7234, 5.5.
 */
async function lookAtPresent(
  api: ApiContext,
  route: Route,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const control = controlOf(api);
  let problem = control?.problem;
  if (readsCluster(route) && problem === undefined) {
    try {
      await control?.caughtUp(signal);
    } catch (err) {
      signal.throwIfAborted();
      problem = control?.problem ?? errorMessage(err);
    }
  }
  if (problem !== undefined) response.setHeader("Warning", `110 flotilla ${JSON.stringify(problem)}`);
}

function logFailure(api: ApiContext, call: Call, route: Route, err: unknown): void {
  if (call.signal.aborted) return;
  const fields = { err, method: route.method, path: route.path };
  const isOurs = errorAnswer(err).status === 500 && !(err instanceof FlotillaError);
  if (isOurs) api.log.error(fields, "an API call failed");
  else api.log.debug(fields, "an API call was refused");
}

async function passThrough(
  api: ApiContext,
  scopeOf: ScopeOf,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  if (isClusterPath(request.url) && request.method !== "OPTIONS") throw notFound();
  const response = takeOver(reply);
  if (scopeOf(request.raw) === "node") return await forward(api.engine, request.raw, response, request.originalUrl);
  using client = clientOf(api, response);
  const call = callOf(api, scopeOf, request, response, client.signal);
  const path = splitVersion(request.originalUrl).target.split("?")[0] ?? "";
  try {
    if (await forwardToChosen(api, call, request)) return;
    const handle = isForCluster(api, call) ? (await clusterCalls()).clusterHandler(request.method, path) : undefined;
    if (handle) await sendAnswer(response, await handle(api, call));
    else await forwardTo(api, client.signal, request, response);
  } catch (err) {
    sendError(response, err);
  }
}

/** Passes a call on to the node that the client has chosen. @returns whether it was that node's business. */
async function forwardToChosen(api: ApiContext, call: Call, { raw, originalUrl }: FastifyRequest): Promise<boolean> {
  const nodeId = isForNodeAlone(originalUrl) ? chosenNode(api, call) : undefined;
  if (nodeId === undefined) return false;
  await forward(api.engines.daemonOf(nodeId), raw, call.response, originalUrl);
  return true;
}

function callOf(
  api: ApiContext,
  scopeOf: ScopeOf,
  { originalUrl, params, raw }: FastifyRequest,
  response: ServerResponse,
  signal: AbortSignal,
): Call {
  return {
    version: splitVersion(originalUrl).version ?? api.engines.apiVersion,
    params: params as Readonly<Record<string, string>>,
    query: new URLSearchParams(originalUrl.split("?")[1] ?? ""),
    request: raw,
    scope: scopeOf(raw),
    response,
    signal,
  };
}

/** Passes a call on to the engine that it is about. */
async function forwardTo(
  api: ApiContext,
  signal: AbortSignal,
  { raw, originalUrl }: FastifyRequest,
  response: ServerResponse,
): Promise<void> {
  if (clusterOf(api.membership) === undefined) return await forward(api.engine, raw, response, originalUrl);
  const { locate } = await clusterCalls();
  const { engine, target, look, onSuccess } = await locate(
    api,
    { method: raw.method ?? "GET", url: originalUrl, headers: raw.headers },
    signal,
  );
  // A client that asks before it has its last answer is answered in turn.
  if (response.socket !== null && isDownload(raw.method, target)) await download(engine, raw, response, target);
  else if (look) await forwardDocument(engine, raw, response, target, look);
  else await forward(engine, raw, response, target, undefined, onSuccess);
}

/** Aborts when the client goes away. */
function clientOf(api: ApiContext, response: ServerResponse): LinkedAbort {
  const client = new LinkedAbort(api.signal);
  response.once("close", () => {
    if (!response.writableFinished) client.abort(new FlotillaError("unavailable", "the client went away"));
  });
  return client;
}
