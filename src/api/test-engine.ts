import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";

/** An engine for tests: a real HTTP server on a unix socket, whose answers the test gives. */
export interface TestEngine extends AsyncDisposable {
  readonly url: string;
  readonly directory: string;
  /** Every request, `METHOD /target`. */
  readonly requests: readonly string[];
  on(route: string, answer: (request: IncomingMessage, response: ServerResponse) => void): void;
  onUpgrade(answer: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): void;
  /** Like the process's death: the socket is gone. */
  stop(): Promise<void>;
}

export async function startTestEngine(apiVersion = "1.51"): Promise<TestEngine> {
  const directory = await mkdtemp(join(tmpdir(), "flotilla-api-"));
  const path = join(directory, "engine.sock");
  const requests: string[] = [];
  const answers = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>();
  const sockets = new Set<Socket>();
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    response.setHeader("Api-Version", apiVersion);
    response.setHeader("Server", "Docker/test (linux)");
    const route = `${request.method} ${(request.url ?? "").replace(/^\/v[0-9.]+/, "").split("?")[0]}`;
    const answer = answers.get(route);
    if (answer) answer(request, response);
    else response.writeHead(404, { "Content-Type": "application/json" }).end('{"message":"page not found"}\n');
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  answers.set("GET /_ping", (_request, response) => response.setHeader("Builder-Version", "2").end("OK"));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const stop = () => close(server, sockets);
  return {
    url: `unix://${path}`,
    directory,
    requests,
    on: (route, answer) => answers.set(route, answer),
    onUpgrade: (answer) => server.on("upgrade", answer),
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(directory, { recursive: true });
    },
  };
}

async function close(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of sockets) socket.destroy();
  await closed;
}
