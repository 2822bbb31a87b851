import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import type { StoreObject } from "#model/objects.ts";
import { DEFAULT_POLICY } from "#plan/place/policy.ts";
import { localEngine } from "./engine-connector.ts";
import { type ApiServer, createApiServer } from "./server.ts";
import { ACTIVE_MANAGER, TestControl, TestMembership, TestView } from "./test-cluster.ts";
import { startTestEngine, type TestEngine } from "./test-engine.ts";

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  /** The parsed body; undefined when it is not JSON. */
  readonly json: unknown;
}

export interface TestApi extends AsyncDisposable {
  readonly engine: TestEngine;
  readonly control: TestControl;
  readonly membership: TestMembership;
  readonly path: string;
  readonly server: ApiServer;
  /** Sends a request; a `body` that is not text is sent as JSON. */
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply>;
  get(path: string): Promise<Reply>;
}

/** A real API server on a unix socket, before a test's engine and cluster. */
export async function startTestApi(objects: readonly StoreObject[] = [], apiVersion = "1.51"): Promise<TestApi> {
  const engine = await startTestEngine(apiVersion);
  const control = new TestControl(new TestView(objects));
  const membership = new TestMembership(ACTIVE_MANAGER, control);
  const server = await createApiServer(
    {
      membership,
      policy: DEFAULT_POLICY,
      engine: localEngine(engine.url),
      clock: systemClock,
      random: seededRandom(1),
      log: silentLogger,
      version: "0.1.0",
    },
    new AbortController().signal,
  );
  const path = join(engine.directory, "api.sock");
  await server.listen(`unix://${path}`);
  const call: TestApi["call"] = (method, target, body, headers = {}) => send(path, method, target, body, headers);
  return {
    engine,
    control,
    membership,
    path,
    server,
    call,
    get: (target) => call("GET", target),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
    },
  };
}

/** The same on a node that is no manager: what concerns containers concerns its own alone. */
export async function startWorkerApi(...[objects, apiVersion]: Parameters<typeof startTestApi>): Promise<TestApi> {
  const api = await startTestApi(objects, apiVersion);
  api.membership.manager = new FlotillaError("unavailable", "This node is not a swarm manager.");
  return api;
}

/** Sends a request to a unix socket. */
export async function send(
  socketPath: string,
  method: string,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<Reply> {
  const type = body === undefined ? {} : { "Content-Type": "application/json" };
  const outgoing = request({ socketPath, method, path, headers: { ...type, ...headers }, agent: false });
  outgoing.end(body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body));
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  let text = "";
  answer.setEncoding("utf8");
  for await (const chunk of answer) text += String(chunk);
  return { status: answer.statusCode ?? 0, headers: answer.headers, text, json: tryParse(text) };
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
