import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { openTwoHosts, type TwoHosts } from "./engines/test-two-hosts.ts";

const PATH = "/v1.45/containers/db/archive?path=/";
const ROUTE = "GET /containers/db/archive";

/** The connection is kept for the next call if the server lets it be. */
async function ask({ api }: TwoHosts, path = PATH) {
  const outgoing = request({ socketPath: api.path, path, headers: { Connection: "keep-alive" } });
  outgoing.end();
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  return answer;
}

test("a large answer arrives whole, in pieces or of a known length, and ends its connection", async () => {
  await using hosts = await openTwoHosts();
  const bytes = randomBytes(3_000_000);
  for (const length of [{}, { "Content-Length": bytes.length }]) {
    hosts.far.on(ROUTE, (_request, response) => response.writeHead(200, { "X-Stat": "s", ...length }).end(bytes));
    const answer = await ask(hosts);
    assert.deepEqual([answer.statusCode, answer.headers["x-stat"], answer.headers.connection], [200, "s", "close"]);
    const digest = (data: Buffer) => createHash("sha256").update(data).digest("hex");
    assert.equal(digest(await buffer(answer)), digest(bytes));
  }
  assert.deepEqual(hosts.reached.at(-1), [hosts.farId, "engine"]);
});

test("what the engine refuses is refused, and a host that cannot be reached is named", async () => {
  await using hosts = await openTwoHosts();
  hosts.far.on(ROUTE, (_request, response) => response.writeHead(404).end('{"message":"no such file"}'));
  const refused = await ask(hosts);
  assert.deepEqual([refused.statusCode, String(await buffer(refused))], [404, '{"message":"no such file"}']);
  hosts.far.on(ROUTE, () => hosts.breakOff());
  const broken = await ask(hosts);
  assert.deepEqual([broken.statusCode, /node h2/.test(String(await buffer(broken)))], [503, true]);
  hosts.lose();
  const unreachable = await ask(hosts);
  assert.deepEqual([unreachable.statusCode, /node h2 is down/.test(String(await buffer(unreachable)))], [503, true]);
});

test("an answer that breaks off breaks off for the client", async () => {
  await using hosts = await openTwoHosts();
  hosts.far.on(
    ROUTE,
    (_request, response) => void response.write("half", () => setImmediate(() => response.destroy())),
  );
  await assert.rejects(buffer(await ask(hosts)), /aborted/);
});

test("a client that goes away ends the engine's call, and one that is slow holds it up", async () => {
  await using hosts = await openTwoHosts();
  const { promise: closed, resolve } = Promise.withResolvers<number>();
  hosts.far.on(ROUTE, (_request, response) => {
    let sent = 0;
    const piece = Buffer.alloc(1 << 20);
    const send = () => {
      while (response.write(piece)) sent += piece.length;
    };
    response.on("drain", send).on("close", () => resolve(sent));
    send();
  });
  const answer = await ask(hosts);
  answer.destroy();
  assert.ok((await closed) < 64 << 20);
});
