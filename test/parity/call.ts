import { type IncomingMessage, request } from "node:http";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { execute } from "#lab/command.ts";
import { type Answer, parseBody } from "./answer.ts";
import { type ApiStep, type CliStep, fill, type HostName, type Step } from "./transcript.ts";

/** One of the two that are compared. */
export interface Side {
  /** Where a host serves the Engine API. */
  readonly socketOf: (host: HostName) => string;
  /** What steps have captured, for all later steps. */
  readonly values: Map<string, string>;
}

/** What both sides speak: the engine's API version. */
const API_VERSION = "1.41";

/** No client configuration of this machine, no hints, and times in UTC. */
const CLIENT_ENVIRONMENT = { DOCKER_CONFIG: "/nonexistent", DOCKER_CLI_HINTS: "false", TZ: "UTC" };

/** Makes the call of a step, and keeps what it captures. What an answer lacks is not captured. */
export async function makeCall(side: Side, step: Step, signal: AbortSignal): Promise<Answer> {
  const answer = await (step.kind === "cli" ? callClient(side, step, signal) : callApi(side, step, signal));
  for (const [name, path] of Object.entries(step.capture ?? {})) {
    const value = findValue(answer, path);
    if (value !== undefined) side.values.set(name, value);
  }
  return answer;
}

async function callClient(side: Side, step: CliStep, signal: AbortSignal): Promise<Answer> {
  const host = `unix://${side.socketOf(step.on ?? "h1")}`;
  const argv = ["docker", "--host", host, ...step.argv.map((word) => fill(word, side.values))];
  const finished = await execute({ argv, input: step.input ?? "", env: CLIENT_ENVIRONMENT }, signal);
  return { kind: "cli", ...finished };
}

function callApi(side: Side, step: ApiStep, signal: AbortSignal): Promise<Answer> {
  const body = renderBody(step.body, side.values);
  const headers = {
    ...(body !== undefined && { "Content-Type": typeof body === "string" ? "application/json" : "application/x-tar" }),
    ...(step.upgrade !== undefined && { Connection: "Upgrade", Upgrade: "tcp" }),
    ...step.headers,
  };
  const path = fill(step.path, side.values);
  const question = { method: step.method, path, headers, body, input: step.upgrade };
  return ask(side.socketOf(step.on ?? "h1"), question, signal);
}

function renderBody(body: unknown, values: ReadonlyMap<string, string>): string | Uint8Array | undefined {
  if (body === undefined || body instanceof Uint8Array) return body;
  return fill(typeof body === "string" ? body : JSON.stringify(body), values);
}

interface Question {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
  /** For the raw stream that the connection becomes. */
  readonly input?: string | undefined;
}

/** Asks an Engine API. An API version is put before a path that names none. */
export async function ask(socketPath: string, question: Question, signal: AbortSignal): Promise<Answer> {
  const { method, headers = {}, body, input = "" } = question;
  const path = /^\/v\d|^\/_ping/.test(question.path) ? question.path : `/v${API_VERSION}${question.path}`;
  const asked = request({ socketPath, method, path: encodeRest(path), headers, signal, agent: false });
  const answered = new Promise<readonly [IncomingMessage, stream?: Duplex, head?: Buffer]>((resolve, reject) => {
    asked.once("response", (answer) => resolve([answer]));
    asked.once("upgrade", (...upgraded) => resolve(upgraded));
    asked.once("error", reject);
  });
  asked.end(body);
  const [answer, stream, head = Buffer.alloc(0)] = await answered;
  const received = stream === undefined ? await buffer(answer) : await converse(stream, head, input, signal);
  return { kind: "api", status: answer.statusCode ?? 0, headers: answer.headers, body: received };
}

/** What may not be in a path is encoded, but for what the step has encoded itself. */
const encodeRest = (path: string): string => encodeURI(path).replaceAll(/%25(?=[0-9A-F]{2})/g, "%");

/** Sends a text on a raw stream, and gives back all that comes in, beginning with `head`. */
async function converse(stream: Duplex, head: Buffer, input: string, signal: AbortSignal): Promise<Buffer> {
  const onAbort = () => stream.destroy(new Error("the stream did not end", { cause: signal.reason }));
  signal.addEventListener("abort", onAbort, { once: true });
  if (input !== "") stream.end(input);
  try {
    return Buffer.concat([head, await buffer(stream)]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    stream.destroy();
  }
}

/** The text at a path such as `0.ID`; the empty path is the whole answer. */
function findValue(answer: Answer, path: string): string | undefined {
  const text = answer.kind === "cli" ? answer.stdout : answer.body.toString("utf8");
  const isRefusal = answer.kind === "cli" ? answer.code !== 0 : answer.status >= 400;
  if (isRefusal) return undefined;
  if (path === "") return text.trim();
  let value = parseBody(Buffer.from(text));
  for (const key of path.split(".")) value = (value as Readonly<Record<string, unknown>> | undefined)?.[key];
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}
