import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { test } from "node:test";
import { aborted } from "#base/abort.ts";
import { FlotillaError } from "#base/errors.ts";
import type { ClusterLogMessage, Control } from "#manager/control.ts";
import { aService, aTask } from "./test-cluster.ts";
import { startTestApi } from "./test-server.ts";

const web = aService("s1", "web");
const shell = aService(
  "s2",
  "shell",
  {},
  { TaskTemplate: { ContainerSpec: { Image: "x", TTY: true }, ForceUpdate: 0 } },
);
const objects = [web, shell, aTask("t1", web), aTask("t2", shell)];

const line = (text: string, more: Partial<ClusterLogMessage> = {}): ClusterLogMessage => ({
  taskId: "T",
  serviceId: "S",
  nodeId: "N",
  stream: "stdout",
  timestamp: "2026-01-02T03:04:05.000000006Z",
  data: Buffer.from(text),
  ...more,
});

const lines = (...messages: readonly ClusterLogMessage[]): Control["logs"] =>
  async function* () {
    yield* messages;
  };

const CONTEXT = "com.docker.swarm.node.id=N,com.docker.swarm.service.id=S,com.docker.swarm.task.id=T";

for (const { name, path, messages, type, want } of [
  {
    name: "framed by stream",
    path: "/v1.45/services/web/logs?stdout=1&stderr=1",
    messages: [line("a\n"), line("bc\n", { stream: "stderr" })],
    type: "application/vnd.docker.multiplexed-stream",
    want: "\x01\0\0\0\0\0\0\x02a\n\x02\0\0\0\0\0\0\x03bc\n",
  },
  {
    name: "an old client, a task",
    path: "/v1.41/tasks/t1/logs?stdout=1",
    messages: [line("a\n")],
    type: "application/vnd.docker.raw-stream",
    want: "\x01\0\0\0\0\0\0\x02a\n",
  },
  {
    name: "a terminal, with timestamps",
    path: "/v1.45/services/shell/logs?stdout=true&timestamps=1",
    messages: [line("a\r\n")],
    type: "application/vnd.docker.raw-stream",
    want: "2026-01-02T03:04:05.000000006Z a\r\n",
  },
  {
    name: "details in the order of their keys, the origin not to be forged",
    path: "/v1.45/tasks/t2/logs?stdout=1&details=1&timestamps=1",
    messages: [line("a\n", { details: "zone=b%2Cc,com.docker.swarm.task.id=forged,app=x" })],
    type: "application/vnd.docker.raw-stream",
    want: `2026-01-02T03:04:05.000000006Z app=x,${CONTEXT},zone=b%2Cc a\n`,
  },
]) {
  test(`logs: ${name}`, async () => {
    await using api = await startTestApi(objects);
    api.control.lines = lines(...messages);
    const { headers, text } = await api.get(path);
    assert.equal(headers["content-type"], type);
    assert.equal(text, want);
  });
}

test("the options reach the manager", async () => {
  await using api = await startTestApi(objects);
  const asked: unknown[] = [];
  api.control.lines = async function* (selector, options) {
    asked.push(selector, options);
    yield* [];
  };
  await api.get("/services/web/logs?stdout=1&follow=1&tail=10&since=1700000000.5");
  assert.deepEqual(asked, [
    { serviceIds: [web.id], taskIds: [] },
    { stdout: true, stderr: false, follow: true, tail: 10, since: "1700000000.5" },
  ]);
});

test("a failure in the middle is a line of the system's own stream", async () => {
  await using api = await startTestApi(objects);
  api.control.lines = async function* () {
    yield line("a\n");
    throw new FlotillaError("unavailable", "warning: incomplete log stream");
  };
  const { status, text } = await api.get("/services/web/logs?stdout=1");
  assert.equal(status, 200);
  const error = "Error grabbing logs: warning: incomplete log stream\n";
  assert.equal(text, `\x01\0\0\0\0\0\0\x02a\n\x03\0\0\0\0\0\0${String.fromCharCode(error.length)}${error}`);
});

for (const { path, status, message } of [
  { path: "/services/web/logs", status: 400, message: /must specify at least one/ },
  { path: "/services/none/logs?stdout=1", status: 404, message: /service none not found/ },
  { path: "/tasks/none/logs?stdout=1", status: 404, message: /task none not found/ },
  {
    path: "/services/web/logs?stdout=1&tail=x",
    status: 500,
    message: /tail value must be a positive integer or "all"/,
  },
  { path: "/services/web/logs?stdout=1&tail=-1", status: 500, message: /negative tail values not supported/ },
  { path: "/services/web/logs?stdout=1&since=yesterday", status: 400, message: /invalid value for 'since'/ },
]) {
  test(`${path}: ${status}`, async () => {
    await using api = await startTestApi(objects);
    const reply = await api.get(path);
    assert.equal(reply.status, status);
    assert.match((reply.json as { message: string }).message, message);
  });
}

test("a follower's head comes at once, and its leaving ends the manager's stream", async () => {
  await using api = await startTestApi(objects);
  const ended = Promise.withResolvers<void>();
  api.control.lines = async function* (_selector, _options, signal) {
    await aborted(signal);
    ended.resolve();
    yield* [];
  };
  const outgoing = request({ socketPath: api.path, path: "/services/web/logs?stdout=1&follow=1", agent: false });
  outgoing.on("error", () => undefined);
  outgoing.end();
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  assert.equal(answer.statusCode, 200);
  outgoing.destroy();
  await ended.promise;
});
