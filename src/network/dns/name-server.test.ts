import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { decode } from "dns-packet";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { framed } from "./frames.ts";
import { MAX_CONNECTIONS_PER_SOURCE } from "./limits.ts";
import { createNameServer, type NameServer, type NameServerDeps } from "./name-server.ts";
import { Names } from "./names.ts";
import { SourceCounter } from "./source-counter.ts";
import { listenTcp } from "./tcp-listener.ts";
import {
  askTcp,
  askUdp,
  endpoint,
  loopback,
  network,
  type QuestionType,
  questionFor,
  service,
  startUpstream,
  upstreamAnswer,
} from "./testing.ts";

const PORT = 10_053;
/** Our addresses on the networks `app` and `closed`, two containers, an upstream, and one of no network. */
const [APP, CLOSED, CONTAINER, INSIDER, UPSTREAM, OTHER] = [
  loopback(1),
  loopback(2),
  loopback(10),
  loopback(11),
  loopback(20),
  "127.0.0.1",
];
const SUBNET = `${loopback(0)}/24`;

const web = service(
  "web",
  [{ networkId: "app", aliases: [] }],
  [endpoint("web.1", { app: CONTAINER }), endpoint("web.2", { app: "10.0.1.6" }, { serving: false })],
);

interface Setting extends AsyncDisposable {
  readonly server: NameServer;
  readonly names: Names;
  readonly asked: readonly string[];
}

async function setting(resolvers = [UPSTREAM], change: Partial<NameServerDeps> = {}): Promise<Setting> {
  await using owned = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "name-server-"));
  owned.defer(() => rm(folder, { recursive: true }));
  const resolvConf = join(folder, "resolv.conf");
  await writeFile(resolvConf, resolvers.map((address) => `nameserver ${address}\n`).join(""));
  const upstream = owned.use(
    await startUpstream(UPSTREAM, PORT, (message, transport) => {
      const name = decode(message).questions?.[0]?.name ?? "";
      if (name === "silent.example") return undefined;
      if (!name.endsWith(".example")) return upstreamAnswer(message, [], 3);
      if (name === "big.example" && transport === "udp") return upstreamAnswer(message, [], 0, { flags: 0x0380 });
      const count = name === "big.example" ? 300 : 1;
      return upstreamAnswer(
        message,
        Array.from({ length: count }, () => "192.0.2.1"),
      );
    }),
  );
  const server = owned.use(
    createNameServer({
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      port: PORT,
      resolvConf,
      ...change,
    }),
  );
  const names = new Names();
  names.update(network("app", 1, { subnet: SUBNET, address: APP }));
  names.update(network("closed", 2, { subnet: SUBNET, address: CLOSED, internal: true }));
  names.update(web);
  names.update(service("vault", [{ networkId: "closed", aliases: [] }], [endpoint("vault.1", { closed: INSIDER })]));
  server.setNames(names);
  const failures = await server.listen(
    new Map([
      ["app", APP],
      ["closed", CLOSED],
    ]),
  );
  assert.equal(failures.size, 0);
  const disposable = owned.move();
  return { server, names, asked: upstream.asked, [Symbol.asyncDispose]: () => disposable.disposeAsync() };
}

/** The addresses, or the code. */
function read(answer: Buffer | undefined): readonly string[] | number {
  assert.ok(answer);
  const { answers = [], id } = decode(answer);
  assert.equal(id, 4711);
  const code = answer.readUInt16BE(2) & 15;
  return code !== 0 ? code : answers.flatMap((record) => (record.type === "A" ? [record.data] : []));
}

const overUdp = async (name: string, from = CONTAINER, to = APP, type: QuestionType = "A") =>
  read(await askUdp(questionFor(name, type), to, PORT, from));

const overTcp = async (name: string, from = CONTAINER, to = APP) =>
  read((await askTcp([questionFor(name)], to, PORT, from))[0]);

test("containers are answered from their own networks", async () => {
  await using given = await setting();
  assert.deepEqual(await overUdp("web"), [CONTAINER]);
  assert.deepEqual(await overTcp("WEB.app"), [CONTAINER]);
  assert.deepEqual(await overUdp("web", CONTAINER, APP, "AAAA"), []);
  assert.deepEqual(await overUdp("vault", INSIDER, CLOSED), [INSIDER]);
  assert.deepEqual(await overUdp("vault", APP, CLOSED), [INSIDER], "this host asks");
  assert.deepEqual(given.asked, []);
});

test("who is on none of the networks is refused", async () => {
  await using given = await setting();
  assert.equal(await overUdp("web", OTHER), 5);
  assert.equal(await overTcp("www.example", OTHER), 5);
  assert.deepEqual(given.asked, []);
});

test("a change of names is in the next answer", async () => {
  await using given = await setting();
  given.names.update({ ...web, endpoints: web.endpoints.map((each) => ({ ...each, serving: true })) });
  assert.deepEqual([...((await overUdp("web")) as string[])].sort(), ["10.0.1.6", CONTAINER].sort());
  given.names.remove("node-service", web.id);
  assert.equal(await overUdp("web", APP), 3);
});

test("all else is asked of the host's name servers, over the same transport", async () => {
  await using given = await setting();
  assert.deepEqual(await overUdp("www.example"), ["192.0.2.1"]);
  assert.deepEqual(await overTcp("www.example"), ["192.0.2.1"]);
  assert.equal(await overUdp("unknown"), 3);
  assert.deepEqual(given.asked, ["udp A www.example", "tcp A www.example", "udp A unknown"]);
});

test("an answer that an upstream cut short comes whole over TCP", async () => {
  await using _given = await setting();
  const cut = await askUdp(questionFor("big.example"), APP, PORT, CONTAINER);
  assert.equal(decode(cut).flag_tc, true);
  const whole = await overTcp("big.example");
  assert.equal(Array.isArray(whole) && whole.length, 300);
});

test("an answer of ours that is too long for UDP comes whole over TCP", async () => {
  await using given = await setting();
  const addresses = Array.from({ length: 200 }, (_, index) => `10.0.1.${index}`);
  const endpoints = addresses.map((address) => endpoint(address, { app: address }));
  given.names.update(service("many", [{ networkId: "app", aliases: [] }], endpoints));
  const cut = await askUdp(questionFor("many"), APP, PORT, CONTAINER);
  assert.ok(cut.length <= 512 && decode(cut).flag_tc);
  assert.deepEqual(new Set((await overTcp("many")) as string[]), new Set(addresses));
});

test("internal networks have no way out", async () => {
  await using given = await setting();
  assert.equal(await overUdp("www.example", INSIDER, CLOSED), 5);
  assert.deepEqual(given.asked, []);
});

test("a container's own name servers are asked in place of the host's", async () => {
  const own = new Map([[CONTAINER, [OTHER, "not an address", "192.0.2.200"]]]);
  const asked: string[] = [];
  await using _given = await setting([UPSTREAM], {
    resolversFor(networkId, address) {
      asked.push(`${networkId} ${address}`);
      return address === CONTAINER ? [] : (own.get(CONTAINER)?.slice(0, 2) ?? []);
    },
  });
  assert.deepEqual(await overUdp("www.example"), ["192.0.2.1"]);
  assert.deepEqual(await overUdp("www.example", APP), ["192.0.2.1"], "this host's loopback is not the container's");
  assert.deepEqual(asked, [`app ${CONTAINER}`, `app ${APP}`]);
});

test("we are not our own upstream", async () => {
  await using _given = await setting([APP, CLOSED]);
  assert.equal(await overUdp("www.example"), 5);
});

test("one connection takes several questions, and ends with nonsense", async () => {
  await using _given = await setting();
  const answers = await askTcp(
    ["web", "www.example", "web.1"].map((name) => questionFor(name)),
    APP,
    PORT,
    CONTAINER,
  );
  assert.deepEqual(answers.map(read), [[CONTAINER], ["192.0.2.1"], [CONTAINER]]);
  const cut = await askTcp([questionFor("web"), Buffer.from("?"), questionFor("web")], APP, PORT, CONTAINER);
  assert.equal(cut.length, 1);
});

test("one source has a bounded number of connections, which it gets back", async () => {
  await using _given = await setting();
  const sockets = Array.from({ length: MAX_CONNECTIONS_PER_SOURCE }, () =>
    createConnection({ host: APP, port: PORT, localAddress: CONTAINER }),
  );
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  assert.deepEqual(await askTcp([questionFor("web")], APP, PORT, CONTAINER).catch(() => []), []);
  assert.deepEqual(await overTcp("web", APP), [CONTAINER], "another source");
  await Promise.all(sockets.map((socket) => once(socket.destroy(), "close")));
  let again: readonly string[] | number = [];
  while (again === 0 || (Array.isArray(again) && again.length === 0)) {
    again = await overTcp("web").catch(() => []);
  }
  assert.deepEqual(again, [CONTAINER]);
});

test("a silent connection is closed", async () => {
  await using jobs = new TaskGroup(new AbortController().signal);
  await using _listener = await listenTcp(
    { address: APP, port: PORT, admit: () => true, respond: async (message) => message, jobs },
    { connections: new SourceCounter({ total: 1, perSource: 1 }), idleMs: 50 },
  );
  const socket = createConnection({ host: APP, port: PORT });
  socket.write(framed(Buffer.from("one")));
  await once(socket, "data");
  socket.write(Buffer.from([0]));
  await once(socket.resume(), "close");
});

test("only what was asked for is listened on", async () => {
  await using given = await setting();
  await given.server.listen(new Map([["closed", CLOSED]]));
  const failed = createConnection({ host: APP, port: PORT });
  const [err] = await once(failed, "error");
  assert.equal(err.code, "ECONNREFUSED");
  assert.deepEqual(await overUdp("vault", INSIDER, CLOSED), [INSIDER]);

  await given.server.listen(
    new Map([
      ["closed", APP],
      ["app", CLOSED],
    ]),
  );
  assert.deepEqual(await overUdp("vault", INSIDER, APP), [INSIDER], "networks may exchange their addresses");
  assert.deepEqual(await overTcp("web", CONTAINER, CLOSED), [CONTAINER]);
});

test("an address that cannot be had is the failure of its network alone, until it can", async () => {
  await using given = await setting();
  const taken = createServer().listen(PORT, loopback(3));
  await once(taken, "listening");
  const wanted = new Map([
    ["taken", loopback(3)],
    ["app", APP],
    ["nowhere", "192.0.2.77"],
  ]);
  const failures = await given.server.listen(wanted);
  assert.deepEqual([...failures.keys()], ["taken", "nowhere"]);
  assert.match(failures.get("taken")?.message ?? "", /another name server listens on .*: have it listen on certain/);
  assert.match(failures.get("nowhere")?.message ?? "", /cannot answer questions for names on 192\.0\.2\.77:/);
  assert.deepEqual(await overUdp("web"), [CONTAINER]);

  await new Promise((resolve) => taken.close(resolve));
  assert.deepEqual([...(await given.server.listen(wanted)).keys()], ["nowhere"]);
  assert.equal(await overUdp("www.example", loopback(3), loopback(3)), 5, "of a network that nobody told of");
});

test("after the end nothing listens, and nobody waits", async () => {
  const given = await setting();
  const waiting = [
    askTcp([questionFor("silent.example")], APP, PORT, CONTAINER),
    askTcp([questionFor("web"), Buffer.alloc(4), questionFor("web")], APP, PORT, CONTAINER),
  ];
  const socket = createSocket("udp4");
  socket.send(questionFor("silent.example"), PORT, APP);
  while (given.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await given[Symbol.asyncDispose]();
  await Promise.allSettled(waiting);
  socket.close();
  await assert.rejects(given.server.listen(new Map([["app", APP]])), /has been stopped/);
  await using _again = await setting();
  assert.deepEqual(await overUdp("web"), [CONTAINER]);
});

test("nothing that is sent keeps it from answering", async () => {
  await using _given = await setting();
  const socket = createSocket("udp4");
  socket.bind(0, INSIDER);
  await once(socket, "listening");
  for (let round = 0; round < 500; round++) {
    const bytes = round % 2 === 0 ? randomBytes(round) : questionFor("www.example");
    if (round % 2 === 1) bytes[2 + (round % 30)] = round & 255;
    socket.send(bytes, PORT, APP);
    // The kernel drops what nobody has read in time.
    if (round % 20 === 0) await nextTurn();
  }
  await nextTurn();
  for (let round = 0; round < 50; round++) {
    const stream = createConnection({ host: APP, port: PORT, localAddress: INSIDER });
    stream.on("error", () => undefined);
    stream.end(randomBytes(round * 20));
  }
  assert.deepEqual(await overUdp("web"), [CONTAINER]);
  assert.deepEqual(await overTcp("web"), [CONTAINER]);
  socket.close();
});
