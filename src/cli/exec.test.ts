import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { startTestEngine, type TestEngine } from "#api/test-engine.ts";
import { type ExecFlags, execInTask } from "./exec.ts";

const { signal } = new AbortController();
const UPGRADED = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
const FRAME = Buffer.from([1, 0, 0, 0, 0, 0, 0, 4]);

const answer = (response: ServerResponse, body: unknown, status = 200) =>
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));

/** A process with pipes, or with a terminal of 80 columns. */
function aTerminal(isTTY: boolean) {
  const raw: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), { isTTY, setRawMode: (isRaw: boolean) => raw.push(isRaw) });
  const stdout = Object.assign(new PassThrough(), { isTTY, rows: 24, columns: 80 });
  return { stdin, stdout, stderr: new PassThrough(), raw };
}

/** An engine with `web.3`, in which whatever is run ends with 7. */
async function openEngine() {
  const engine = await startTestEngine();
  const created: unknown[] = [];
  engine.on("POST /containers/web.3/exec", (request: IncomingMessage, response) => {
    void text(request).then((body) => {
      created.push(JSON.parse(body));
      answer(response, { Id: "e1" }, 201);
    });
  });
  engine.on("GET /exec/e1/json", (_request, response) => answer(response, { ExitCode: 7, Running: false }));
  engine.on("POST /exec/e1/resize", (_request, response) => response.writeHead(200).end());
  return { engine, created };
}

const run = (engine: TestEngine, terminal: ReturnType<typeof aTerminal>, command: string[] = [], flags = {}) => {
  const all: ExecFlags = { host: engine.url, tty: true, ...flags };
  return execInTask("web.3", command, all, terminal, signal);
};

test("input, output and the exit code go through pipes", async () => {
  const { engine, created } = await openEngine();
  await using _ = engine;
  engine.onUpgrade((_request, socket) => {
    socket.write(UPGRADED);
    void text(socket).then((input) => socket.end(Buffer.concat([FRAME, Buffer.from(input)])));
  });
  const terminal = aTerminal(false);
  terminal.stdin.end("hey\n");
  assert.equal(await run(engine, terminal, ["cat"], { user: "me", env: ["A=1"] }), 7);
  assert.equal(String(terminal.stdout.read()), "hey\n");
  assert.partialDeepStrictEqual(created, [{ Tty: false, Cmd: ["cat"], User: "me", Env: ["A=1"] }]);
});

test("a terminal is passed on with its size, and is as before afterwards", async () => {
  const { engine, created } = await openEngine();
  await using _ = engine;
  engine.onUpgrade((_request, socket) => {
    socket.write(UPGRADED);
    socket.once("data", (input: Buffer) => socket.end(`you typed ${input.toString()}`));
  });
  const terminal = aTerminal(true);
  const running = run(engine, terminal);
  terminal.stdin.write("x");
  assert.equal(await running, 7);
  assert.equal(String(terminal.stdout.read()), "you typed x");
  assert.partialDeepStrictEqual(created, [{ Tty: true, Cmd: ["sh"] }]);
  assert.ok(engine.requests.includes("POST /exec/e1/resize?h=24&w=80"));
  assert.deepEqual(terminal.raw, [true, false]);
});

test("what the daemon refuses, and a connection that is lost, are told", async () => {
  const { engine } = await openEngine();
  await using _ = engine;
  engine.onUpgrade((_request, socket) => {
    socket.write(UPGRADED);
    socket.destroy();
  });
  engine.on("GET /exec/e1/json", (_request, response) => answer(response, { message: "node h2 is down" }, 503));
  await assert.rejects(run(engine, aTerminal(false)), { code: "unavailable", message: "node h2 is down" });
  engine.on("GET /exec/e1/json", (_request, response) => answer(response, { ExitCode: null, Running: true }));
  await assert.rejects(run(engine, aTerminal(false)), /the connection to web\.3 was lost/);
  engine.on("POST /containers/web.3/exec", (_request, response) => answer(response, { message: "not running" }, 409));
  await assert.rejects(run(engine, aTerminal(false)), /not running/);
});

test("a reader that has enough ends it", async () => {
  const { engine } = await openEngine();
  await using _ = engine;
  engine.onUpgrade((_request, socket) => {
    socket.write(UPGRADED);
    socket.write(Buffer.concat([FRAME, Buffer.from("more")]));
    socket.on("error", () => undefined);
  });
  const terminal = aTerminal(false);
  terminal.stdout.once("data", () => terminal.stdout.destroy(new Error("EPIPE")));
  assert.equal(await run(engine, terminal), 141);
});
