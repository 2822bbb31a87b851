import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { ROUTES } from "#api/routes.ts";
import { systemClock } from "#base/clock.ts";
import { randomInt, seededRandom } from "#base/random.ts";
import type { LabHost } from "#lab/host.ts";
import { docker, eventually, openCluster, say, scene, signal } from "./cluster.ts";
import { type FuzzRequest, fuzzRequest } from "./fuzz-requests.ts";

const REQUESTS = 10_000;
const CONNECTIONS = 20;
const SEED = Number(process.env["FUZZ_SEED"] ?? 1);

/** Longer than any call here should take: Docker's own limit for a change of the cluster. */
const HANG_MS = 20_000;

/** What Docker, or the engine that a call is passed on to, answers with 500; everything else of that kind is a bug. */
const CONTRACT_500 = [
  /update out of sequence/,
  /tail value|negative tail/,
  /^(?:invalid|unknown).*filter/i,
  /^invalid (?:subnet|name)/i,
  /^could not find an available, non-overlapping/,
  /^json: cannot unmarshal/,
  /^Get "http:": http: no Host in request URL$/,
];

/** Calls that would end the cluster if they were right, or wait for what never comes. */
const isSafe = ({ method, path }: { method: string; path: string }): boolean =>
  !(method === "POST" && path === "/swarm/leave") && method !== "HEAD";

interface Outcome {
  readonly sent: FuzzRequest;
  readonly status: number;
  readonly body: string;
}

/** Sends a request and reads its answer; of a stream that does not end, only the head. */
async function send(host: LabHost, agent: Agent, sent: FuzzRequest): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const { method, target: path, headers, body } = sent;
  const outgoing = request({ agent, socketPath: host.daemonSocket, method, path, headers, timeout: HANG_MS });
  outgoing.once("timeout", () => outgoing.destroy(new Error(`no answer within ${HANG_MS} ms`)));
  outgoing.once("error", reject);
  outgoing.once("response", (response) => {
    const status = response.statusCode ?? 0;
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.once("error", reject);
    response.once("end", () => resolve({ sent, status, body: Buffer.concat(chunks).toString() }));
    if (/\/(?:events|logs)\b/.test(path) && status === 200) {
      resolve({ sent, status, body: "" });
      response.off("error", reject).on("error", () => undefined);
      outgoing.off("error", reject).on("error", () => undefined);
      outgoing.destroy();
    }
  });
  outgoing.end(body);
  return promise;
}

const describe = ({ sent, status, body }: Outcome): string =>
  `${sent.method} ${sent.target.slice(0, 200)} ${sent.body?.slice(0, 2_000)}\n→ ${status} ${body.slice(0, 500)}`;

/** What is wrong with an answer; undefined when it is as Docker's contract has it. */
function complaint(outcome: Outcome): string | undefined {
  const { status, body, sent } = outcome;
  if (status < 200) return `odd status: ${describe(outcome)}`;
  if (status < 400 || sent.method === "HEAD") return undefined;
  let message: unknown;
  try {
    message = (JSON.parse(body) as { message?: unknown }).message;
  } catch {
    return `no JSON: ${describe(outcome)}`;
  }
  if (typeof message !== "string" || message === "") return `no message: ${describe(outcome)}`;
  if (status === 500 && !CONTRACT_500.some((known) => known.test(message))) return `a fault: ${describe(outcome)}`;
  return undefined;
}

/** Resident memory of the daemon, in MiB. */
function memoryOf(host: LabHost): number {
  const status = readFileSync(`/proc/${host.daemon.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

/** Bytes that are no proper request; the daemon may answer or hang up, and must go on. */
const RAW: readonly string[] = [
  "GET / HTTP/1.1\r\n\r\n",
  "GARBAGE\r\n\r\n",
  "POST /services/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
  "POST /services/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n{}",
  "POST /services/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
  'POST /configs/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"Na',
  "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET /v1.41/services/%E0%A4%A HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET //services?filters=%zz HTTP/1.1\r\nHost: x\r\n\r\n",
  `GET /services HTTP/1.1\r\nHost: x\r\nX-Big: ${"a".repeat(2_000_000)}\r\n\r\n`,
  "POST /containers/x/attach HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n",
  "POST /services/create HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n",
  "POST /session HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nPRI * HTTP/2.0\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
  "CONNECT h1:2377 HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET http://h1:2377/services HTTP/1.1\r\nHost: x\r\n\r\n",
];

/** Sends the bytes, one half after the other, and resets the connection. */
async function sendRaw(host: LabHost, text: string): Promise<void> {
  const socket = connect(host.daemonSocket);
  socket.on("error", () => undefined);
  socket.resume();
  socket.write(text.slice(0, text.length / 2));
  await systemClock.sleep(5, signal);
  if (!socket.destroyed) socket.write(text.slice(text.length / 2));
  await systemClock.sleep(20, signal);
  socket.destroy();
}

test(`hostile requests leave the daemon healthy (seed ${SEED})`, scene, async (t) => {
  await using cluster = await openCluster({ name: "fuzz", hosts: 1 });
  const { manager } = cluster;
  const random = seededRandom(SEED);
  const base = ["service", "create", "--quiet", "--detach", "--name", "steady", "flotilla/demo:1"];
  const service = await say(manager, ...base);
  await say(manager, "config", "create", "steady", "/etc/hostname");
  const ids = ["steady", service, service.slice(0, 3), manager.name, "fuzzed", "none", service.slice(0, 1)];
  const routes = ROUTES.filter(isSafe);
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const pid = manager.daemon.pid;

  const complaints: string[] = [];
  const seen = new Map<number, number>();
  let left = REQUESTS;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const route = routes[randomInt(random, 0, routes.length)];
      assert.ok(route);
      const sent = fuzzRequest(random, route, ids);
      try {
        const outcome = await send(manager, agent, sent);
        seen.set(outcome.status, (seen.get(outcome.status) ?? 0) + 1);
        const wrong = complaint(outcome);
        if (wrong !== undefined) complaints.push(wrong);
      } catch (err) {
        complaints.push(`${sent.method} ${sent.target.slice(0, 200)} ${sent.body?.slice(0, 500)}: ${String(err)}`);
      }
      if (left === REQUESTS / 2) t.diagnostic(`memory half-way: ${Math.round(memoryOf(manager))} MiB`);
    }
  };
  const startedAt = systemClock.now();
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  agent.destroy();
  t.diagnostic(
    `${REQUESTS} requests in ${systemClock.now() - startedAt} ms: ${JSON.stringify([...seen].toSorted(([a], [b]) => a - b))}`,
  );
  t.diagnostic(`memory at the end: ${Math.round(memoryOf(manager))} MiB`);
  assert.equal(complaints.length, 0, `${complaints.length} wrong answers:\n${complaints.slice(0, 10).join("\n\n")}`);

  await Promise.all(Array.from({ length: 200 }, (_, i) => sendRaw(manager, RAW[i % RAW.length] ?? "")));
  assert.equal(manager.daemon.pid, pid, "the daemon never ended");
  assert.ok(memoryOf(manager) < 1_000, "memory stays flat");
  for (const list of [["node"], ["service"], ["secret"], ["config"], ["network"], ["stack"], ["ps"]]) {
    const argv = list[0] === "ps" ? ["ps"] : [...list, "ls"];
    assert.equal((await docker(manager, ...argv)).code, 0, `docker ${argv.join(" ")}`);
  }
  await say(manager, "node", "update", "--availability", "active", manager.name);
  await say(manager, "service", "create", "--quiet", "--name", "after", "flotilla/demo:1");
  await eventually("a service can be run", async () =>
    (await say(manager, "service", "ps", "--format", "{{.CurrentState}}", "after")).startsWith("Running"),
  );
});
