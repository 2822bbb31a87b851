import { request } from "node:http";
import { text } from "node:stream/consumers";
import type { LabHost } from "#lab/host.ts";

/** Longer than a manager takes to be replaced, and shorter than a client's patience. */
const ANSWER_MS = 5_000;

/** What became of a call. */
export type Reply =
  | {
      readonly type: "answer";
      readonly status: number;
      readonly body: unknown;
      /** A read that says that it may be old. */
      readonly mayBeOld: boolean;
    }
  /** The request was never sent. */
  | { readonly type: "unsent"; readonly reason: string }
  /** Nobody knows whether it was done. */
  | { readonly type: "lost"; readonly reason: string };

/** Calls the Engine API of a host's daemon as a client of its own, over a new connection. */
export async function call(host: LabHost, method: string, path: string, body?: unknown): Promise<Reply> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const headers = payload === undefined ? {} : { "Content-Type": "application/json" };
  const signal = AbortSignal.timeout(ANSWER_MS);
  const options = { socketPath: host.daemonSocket, method, path: `/v1.41${path}`, headers, agent: false, signal };
  const { promise, resolve } = Promise.withResolvers<Reply>();
  const lost = (err: NodeJS.ErrnoException) =>
    resolve({ type: ["ENOENT", "ECONNREFUSED"].includes(err.code ?? "") ? "unsent" : "lost", reason: err.message });
  const outgoing = request(options, (answer) => {
    text(answer).then(
      (content) =>
        resolve({
          type: "answer",
          status: answer.statusCode ?? 0,
          body: parse(content),
          mayBeOld: answer.headers["warning"] !== undefined,
        }),
      (err: NodeJS.ErrnoException) => resolve({ type: "lost", reason: err.message }),
    );
  });
  outgoing.on("error", lost).end(payload);
  return promise;
}

/** The body of an answer that has to be a success. */
export async function get<T>(host: LabHost, path: string): Promise<T> {
  const reply = await call(host, "GET", path);
  if (reply.type === "answer" && reply.status === 200) return reply.body as T;
  throw new Error(`GET ${path} of ${host.name}: ${describe(reply)}`);
}

export const describe = (reply: Reply): string =>
  reply.type === "answer" ? `${reply.status} ${messageOf(reply)}` : `${reply.type}: ${reply.reason}`;

/** What an error says; "" for a success. */
export function messageOf(reply: Reply): string {
  if (reply.type !== "answer" || typeof reply.body !== "object" || reply.body === null) return "";
  return "message" in reply.body ? String(reply.body.message) : "";
}

export type Outcome = "done" | "refused" | "unknown";

/** Whether a write was done. A refusal is a promise that it was not, and never will be. */
export function outcomeOf(reply: Reply): Outcome {
  if (reply.type === "unsent") return "refused";
  if (reply.type === "lost") return "unknown";
  if (reply.status < 300) return "done";
  const isRefusal = reply.status < 500 || messageOf(reply).includes("out of sequence");
  return isRefusal ? "refused" : "unknown";
}

function parse(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}
