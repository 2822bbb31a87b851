import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { framed, readFrames } from "./frames.ts";
import { MAX_QUESTION_BYTES } from "./limits.ts";
import type { Listening } from "./listening.ts";
import type { SourceCounter } from "./source-counter.ts";

/**
 * Answers the messages of connections to an address, until it is disposed of. One message of a connection is answered
 * after the other, so that nobody can have more answers made than it takes.
 */
export async function listenTcp(
  listening: Listening,
  limits: { readonly connections: SourceCounter; readonly idleMs: number },
): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const source = socket.remoteAddress;
    // A connection that breaks ends its reader too.
    socket.on("error", () => undefined);
    if (source === undefined || !limits.connections.enter(source)) return void socket.destroy();
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      limits.connections.leave(source);
    });
    socket.setTimeout(limits.idleMs, () => socket.destroy());
    listening.jobs.spawn("connection", (signal) => converse(socket, source, listening, signal));
  });
  server.listen({ host: listening.address, port: listening.port });
  await once(server, "listening");
  server.on("error", () => undefined);
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function converse(
  socket: Socket,
  source: string,
  { admit, respond }: Listening,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const message of readFrames(socket, MAX_QUESTION_BYTES)) {
      const answer = admit(source) ? await respond(message, source, signal) : undefined;
      if (answer === undefined) return;
      if (!(await written(socket, framed(answer)))) return;
    }
  } catch {
    // The connection broke, or we stop: either way it is over.
  } finally {
    socket.destroySoon();
  }
}

/** Whether the system has taken the bytes. */
const written = (socket: Socket, bytes: Buffer): Promise<boolean> =>
  new Promise((resolve) => socket.write(bytes, (err) => resolve(!err)));
