import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createConnection, createServer } from "node:net";
import { decode, encode, type Packet, RECURSION_DESIRED, type RecordType } from "dns-packet";
import type { NodeEndpoint, NodeNetwork, NodeService } from "#model/node-network.ts";
import { framed, readFrames } from "./frames.ts";

/** Networks and services as managers would tell of them, and the two ends of a conversation, for tests. */

/** The network `10.0.N.0/24`, with this node at `10.0.N.1`. */
export const network = (id: string, number: number, change: Partial<NodeNetwork> = {}): NodeNetwork => ({
  kind: "node-network",
  id,
  name: id,
  internal: false,
  ingress: false,
  attachable: true,
  subnet: `10.0.${number}.0/24`,
  vni: 4096 + number,
  mtu: 1450,
  dataPathPort: 4789,
  address: `10.0.${number}.1`,
  host: "192.168.0.1",
  peers: [],
  ...change,
});

export const endpoint = (
  name: string,
  addresses: NodeEndpoint["addresses"],
  change: Partial<NodeEndpoint> = {},
): NodeEndpoint => ({
  taskId: `task-${name}`,
  name,
  nodeId: "node",
  host: "192.168.0.1",
  addresses,
  serving: true,
  ...change,
});

export const service = (
  name: string,
  networks: NodeService["networks"],
  endpoints: readonly NodeEndpoint[],
  change: Partial<NodeService> = {},
): NodeService => ({ kind: "node-service", id: `id-${name}`, name, networks, ports: [], endpoints, ...change });

/** What can be asked for: the library knows `ANY`, its types do not. */
export type QuestionType = RecordType | "ANY";

export const questionFor = (name: string, type: QuestionType = "A", change: Packet = {}): Buffer =>
  encode({
    type: "query",
    id: 4711,
    flags: RECURSION_DESIRED,
    questions: [{ type: type as RecordType, name }],
    ...change,
  });

/** Sends a message from an address of this host and waits for the answer. */
export async function askUdp(message: Buffer, server: string, port: number, from: string): Promise<Buffer> {
  const socket = createSocket("udp4");
  try {
    socket.bind(0, from);
    await once(socket, "listening");
    socket.send(message, port, server);
    const [answer]: Buffer[] = await once(socket, "message");
    return answer ?? Buffer.alloc(0);
  } finally {
    socket.close();
  }
}

/** Sends messages on one connection and collects the answers until there is one to each, or the server closes. */
export async function askTcp(
  messages: readonly Buffer[],
  server: string,
  port: number,
  from: string,
): Promise<readonly Buffer[]> {
  const socket = createConnection({ host: server, port, localAddress: from });
  const answers: Buffer[] = [];
  socket.write(Buffer.concat(messages.map(framed)));
  for await (const answer of readFrames(socket, 65_535)) {
    if (answers.push(Buffer.from(answer)) === messages.length) break;
  }
  socket.destroy();
  return answers;
}

/** A name server of the world outside: it answers with what `answer` makes of a question; undefined for silence. */
export async function startUpstream(
  address: string,
  port: number,
  answer: (message: Buffer, transport: "udp" | "tcp") => Buffer | undefined,
): Promise<AsyncDisposable & { readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const answerTo = (message: Buffer, transport: "udp" | "tcp") => {
    const question = decode(message);
    asked.push(`${transport} ${question.questions?.[0]?.type} ${question.questions?.[0]?.name}`);
    return answer(message, transport);
  };
  const udp = createSocket("udp4");
  udp.on("message", (message, source) => {
    const reply = answerTo(message, "udp");
    if (reply) udp.send(reply, source.port, source.address);
  });
  udp.bind(port, address);
  const tcp = createServer((socket) => {
    socket.on("error", () => undefined);
    void (async () => {
      for await (const message of readFrames(socket, 65_535)) {
        const reply = answerTo(message, "tcp");
        if (reply) socket.write(framed(reply));
      }
    })().catch(() => undefined);
  });
  tcp.listen({ host: address, port });
  await Promise.all([once(udp, "listening"), once(tcp, "listening")]);
  return {
    asked,
    async [Symbol.asyncDispose]() {
      udp.close();
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
}

/** An answer as an upstream gives it: the question, and these records or this code. */
export function upstreamAnswer(message: Buffer, addresses: readonly string[], rcode = 0, more: Packet = {}): Buffer {
  const { id, questions } = decode(message);
  const [question] = questions ?? [];
  return encode({
    type: "response",
    id: id ?? 0,
    flags: 0x0180 | rcode,
    ...(questions && { questions }),
    answers: addresses.map((data) => ({ type: "A", name: question?.name ?? "", ttl: 60, data })),
    ...more,
  });
}

/** Addresses of this host's loopback that no other process of the tests uses: `loopback(1)`, `loopback(2)`, …. */
export const loopback = (number: number): string =>
  `127.${100 + ((process.pid >> 8) & 127)}.${process.pid & 255}.${number}`;
