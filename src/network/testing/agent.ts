/**
 * A process in a network namespace of a test: it answers everyone with the caller's address, and asks others when it is
 * told to over its IPC channel.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, createServer, type Socket } from "node:net";
import type { AskReply, Order } from "./agent-orders.ts";

const [name = "nobody"] = process.argv.slice(2);
const open = new Map<string, Socket>();
const sockets = new Map<string, UdpSocket>();

async function carryOut(order: Order): Promise<string> {
  switch (order.type) {
    case "serve":
      return serve(order.port);
    case "tcp":
      return askTcp(order.host, order.port, order.timeoutMs, order.localPort, order.localAddress, order.keep);
    case "again":
      return again(order.keep, order.timeoutMs);
    case "udp":
      return askUdp(order.host, order.port, order.timeoutMs, order.keep, order.localAddress);
    case "send":
      return send(order.host, order.port, Buffer.from(order.payload, "base64"));
  }
}

const answer = (address: string | undefined, port: number | undefined) => `${name} ${address} ${port}\n`;

async function serve(port: number): Promise<string> {
  const tcp = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => socket.write(answer(socket.remoteAddress, socket.remotePort)));
  });
  await new Promise<void>((resolve) => tcp.listen(port, "0.0.0.0", resolve));
  const udp = createSocket("udp4");
  udp.on("message", (_message, from) => udp.send(answer(from.address, from.port), from.port, from.address));
  await new Promise<void>((resolve) => udp.bind(port, "0.0.0.0", resolve));
  return "served";
}

const within = <T>(ms: number, promise: Promise<T>): Promise<T> =>
  Promise.race([promise, new Promise<T>((_, reject) => setTimeout(() => reject(new Error("timeout")), ms))]);

const nextLine = (socket: Socket): Promise<string> =>
  new Promise((resolve, reject) => {
    socket.once("data", (data) => resolve(String(data).trim()));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed")));
  });

async function askTcp(
  host: string,
  port: number,
  timeoutMs: number,
  localPort?: number,
  localAddress?: string,
  keep?: string,
): Promise<string> {
  const socket = connect({
    host,
    port,
    ...(localPort === undefined ? {} : { localPort }),
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  socket.on("error", () => undefined);
  try {
    socket.write("?");
    const line = await within(timeoutMs, nextLine(socket));
    if (keep === undefined) socket.destroy();
    else open.set(keep, socket);
    return line;
  } catch (err) {
    socket.destroy();
    throw err;
  }
}

async function again(keep: string, timeoutMs: number): Promise<string> {
  const socket = open.get(keep);
  if (socket === undefined) throw new Error(`no connection ${keep}`);
  socket.write("?");
  return within(timeoutMs, nextLine(socket));
}

async function askUdp(
  host: string,
  port: number,
  timeoutMs: number,
  keep?: string,
  localAddress?: string,
): Promise<string> {
  const socket = sockets.get(keep ?? "") ?? createSocket("udp4");
  if (keep !== undefined) sockets.set(keep, socket);
  if (localAddress !== undefined) await new Promise<void>((resolve) => socket.bind(0, localAddress, resolve));
  try {
    const reply = new Promise<string>((resolve) =>
      socket.once("message", (message, from) => resolve(`${String(message).trim()} by ${from.address}`)),
    );
    await new Promise<void>((resolve, reject) =>
      socket.send("?", port, host, (err) => (err === null ? resolve() : reject(err))),
    );
    return await within(timeoutMs, reply);
  } finally {
    socket.removeAllListeners("message");
    if (keep === undefined) socket.close();
  }
}

async function send(host: string, port: number, payload: Buffer): Promise<string> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.send(payload, port, host, () => resolve()));
  socket.close();
  return "sent";
}

process.on("message", (message) => {
  const { id, order } = message as { readonly id: number; readonly order: Order };
  const reply = (outcome: Omit<AskReply, "id">) => process.send?.({ id, ...outcome });
  carryOut(order).then(
    (said) => reply({ said }),
    (err: unknown) => reply({ failed: err instanceof Error ? ("code" in err ? String(err.code) : err.message) : "" }),
  );
});
process.on("disconnect", () => process.exit(0));
process.send?.({ id: 0, said: "up" } satisfies AskReply);
