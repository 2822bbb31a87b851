import type { IncomingMessage } from "node:http";
import { type ErrorCode, FlotillaError } from "#base/errors.ts";
import { type ApiContext, type Call, empty, json, type OwnAnswer } from "./call.ts";
import type { Json } from "./convert/meta-json.ts";
import type { EngineLink } from "./engine-link.ts";
import { HTTP_STATUS } from "./errors.ts";

/** The engine's answer to the same question, in the client's version, as a document. @throws FlotillaError */
export async function askEngine<T = Json>(
  api: ApiContext,
  call: Call,
  path: string,
  engine: EngineLink = api.engine,
): Promise<T> {
  return readJson(await engine.open({ method: "GET", path: `/v${call.version}${path}` }, call.signal));
}

/** An engine's answer as a document. @throws FlotillaError as the engine refused. */
export async function readJson<T>(answer: IncomingMessage): Promise<T> {
  if (answer.statusCode !== 200) throw await engineRefusal(answer);
  return JSON.parse(await readText(answer));
}

/** What the engine answered to a call that is made in place of the client's. */
export interface EngineAnswer {
  readonly status: number;
  readonly isOk: boolean;
  /** For the client. */
  readonly answer: OwnAnswer;
}

/** Makes a call with a body, in the client's version, and waits for the whole answer. @throws FlotillaError `unavailable` */
export async function tellEngine(
  api: Pick<ApiContext, "engine">,
  call: Pick<Call, "version" | "signal">,
  method: "POST" | "DELETE",
  path: string,
  body?: unknown,
  engine: EngineLink = api.engine,
): Promise<EngineAnswer> {
  const target = `/v${call.version}${path}`;
  return readAnswer(await engine.open({ method, path: target, ...(body !== undefined && { body }) }, call.signal));
}

/** The whole of an engine's answer. */
export async function readAnswer(answer: IncomingMessage): Promise<EngineAnswer> {
  const text = await readText(answer);
  const status = answer.statusCode ?? 502;
  return { status, isOk: status < 300, answer: text.trim() === "" ? empty(status) : json(JSON.parse(text), status) };
}

/** What an engine's refusal says, with the code that answers with the same status. */
export async function engineRefusal(answer: IncomingMessage): Promise<FlotillaError> {
  const text = await readText(answer);
  const code = Object.entries(HTTP_STATUS).find(([, status]) => status === answer.statusCode)?.[0] as
    | ErrorCode
    | undefined;
  return new FlotillaError(code ?? "internal", messageOf(text));
}

function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    return typeof message === "string" ? message : text;
  } catch {
    return text;
  }
}

async function readText(answer: IncomingMessage): Promise<string> {
  let text = "";
  answer.setEncoding("utf8");
  for await (const chunk of answer) text += String(chunk);
  return text;
}
