import { once } from "node:events";
import { type IncomingMessage, type RequestOptions, request } from "node:http";
import { text } from "node:stream/consumers";
import { errorMessage, FlotillaError } from "#base/errors.ts";

/** Docker's port without TLS. */
const TCP_PORT = 2375;

export interface ApiReply {
  readonly status: number;
  /** The parsed body; undefined when it is not JSON. */
  readonly body: unknown;
}

/**
 * Asks the Engine API at `host`, `unix:///PATH` or `tcp://HOST:PORT`.
 * @throws FlotillaError `invalid` for another form of address; `unavailable` when nobody answers.
 */
export async function askApi(host: string, path: string, signal: AbortSignal): Promise<ApiReply> {
  const outgoing = request({ ...parseHost(host), path, headers: { Host: "docker" }, agent: false, signal });
  try {
    outgoing.end();
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    return { status: answer.statusCode ?? 0, body: parseJson(await text(answer)) };
  } catch (cause) {
    throw new FlotillaError(
      "unavailable",
      `nobody answers at ${host} (${errorMessage(cause)}): is the daemon running? Name its address with -H`,
    );
  }
}

function parseHost(host: string): RequestOptions {
  if (host.startsWith("unix:///")) return { socketPath: host.slice("unix://".length) };
  const url = URL.canParse(host) ? new URL(host) : undefined;
  if (url?.protocol === "tcp:" && url.hostname !== "") {
    return { host: url.hostname.replace(/^\[|\]$/g, ""), port: url.port === "" ? TCP_PORT : Number(url.port) };
  }
  throw new FlotillaError("invalid", `${host} is not understood: give unix:///PATH or tcp://HOST:PORT with -H`);
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
