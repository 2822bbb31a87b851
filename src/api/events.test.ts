import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { FlotillaError } from "#base/errors.ts";
import type { Change } from "#model/view.ts";
import { eventOf, renderEvent } from "./cluster-event.ts";
import { aConfig, aNode, aSecret, aService } from "./test-cluster.ts";
import { startTestApi, type TestApi } from "./test-server.ts";

const web = aService("s1", "web");
const node = aNode("n1", "h1");

const service = (change: object) => ({ ...web, ...change });

for (const { name, change, want } of [
  { name: "created", change: { type: "create", kind: "service", object: web }, want: { name: "web" } },
  { name: "removed", change: { type: "delete", kind: "secret", old: aSecret("x", "pw") }, want: { name: "pw" } },
  {
    name: "scaled, with a new image",
    change: {
      type: "update",
      kind: "service",
      old: web,
      object: aService(
        "s1",
        "web",
        {},
        { Mode: { Replicated: { Replicas: 5 } }, TaskTemplate: { ContainerSpec: { Image: "b" }, ForceUpdate: 0 } },
      ),
    },
    want: { name: "web", "image.old": "nginx", "image.new": "b", "replicas.old": "2", "replicas.new": "5" },
  },
  {
    name: "an update begins",
    change: {
      type: "update",
      kind: "service",
      old: web,
      object: service({ updateStatus: { state: "updating", message: "" } }),
    },
    want: { name: "web", "updatestate.new": "updating" },
  },
  {
    name: "an update ends",
    change: {
      type: "update",
      kind: "service",
      old: service({ updateStatus: { state: "updating", message: "" } }),
      object: service({ updateStatus: { state: "completed", message: "" } }),
    },
    want: { name: "web", "updatestate.old": "updating", "updatestate.new": "completed" },
  },
  {
    name: "a node goes down and is drained",
    change: {
      type: "update",
      kind: "node",
      old: node,
      object: { ...node, status: { ...node.status, state: "down" }, spec: { ...node.spec, Availability: "drain" } },
    },
    want: {
      name: "h1",
      "availability.old": "active",
      "availability.new": "drain",
      "state.old": "ready",
      "state.new": "down",
    },
  },
  {
    name: "a new leader",
    change: {
      type: "update",
      kind: "node",
      old: aNode("n1", "h1", { manager: { leader: false, reachability: "unreachable", addr: "" } }),
      object: aNode("n1", "h1", { manager: { leader: true, reachability: "reachable", addr: "" } }),
    },
    want: {
      name: "h1",
      "leader.old": "false",
      "leader.new": "true",
      "reachability.old": "unreachable",
      "reachability.new": "reachable",
    },
  },
]) {
  test(`event: ${name}`, () => {
    assert.deepEqual(eventOf(change as Change, 5)?.attributes, want);
  });
}

test("an event, in Docker's words and order", () => {
  const event = eventOf({ type: "delete", kind: "config", old: aConfig("c", "conf") }, 1_700_000_000_123);
  assert.equal(
    event && renderEvent(event),
    `{"Type":"config","Action":"remove","Actor":{"ID":"${"c".padEnd(25, "0")}","Attributes":{"name":"conf"}},"scope":"swarm","time":1700000000,"timeNano":1700000000123000000}\n`,
  );
});

/** Publishes changes, once the server listens for them; they are known when this resolves. */
async function publish(api: TestApi, ...changes: readonly Change[]): Promise<void> {
  while (api.control.published.size === 0) await setImmediate();
  api.control.published.publish({ revision: 1, changes });
  await setImmediate();
}

const at = (seconds: number, name: string): Change => ({
  type: "create",
  kind: "secret",
  object: { ...aSecret("x", name), createdAt: seconds * 1000 },
});

const engineEvent = (seconds: number): string =>
  `{"Type":"container","Action":"start","time":${seconds},"timeNano":${seconds}000000000}\n`;

test("the past of both, in the order of time", async () => {
  await using api = await startTestApi();
  api.engine.on("GET /events", (_request, response) => response.end(engineEvent(20) + engineEvent(40)));
  await publish(api, at(10, "a"), at(30, "b"), at(50, "c"), at(70, "late"));
  const { headers, text } = await api.get("/v1.45/events?since=10&until=60.5");
  assert.equal(headers["content-type"], "application/json");
  assert.deepEqual(
    text
      .trim()
      .split("\n")
      .map((line) => /"time":([0-9]+)/.exec(line)?.[1]),
    ["10", "20", "30", "40", "50"],
  );
  const asked = api.engine.requests.filter((line) => line.includes("events"));
  assert.deepEqual(asked, ["GET /v1.45/events?since=10.000000000&until=60.500000000"]);
});

for (const { filters, want } of [
  { filters: { type: ["secret"] }, want: ["a", "b"] },
  { filters: { type: ["container"] }, want: [] },
  { filters: { event: ["remove"] }, want: [] },
  { filters: { scope: ["local"] }, want: [] },
  { filters: { scope: ["swarm"], event: ["create"] }, want: ["a", "b"] },
  { filters: { secret: ["b"] }, want: ["b"] },
  { filters: { container: ["zz"] }, want: [] },
  { filters: { label: ["name=a"] }, want: ["a"] },
  { filters: { image: ["nginx"] }, want: [] },
]) {
  test(`events that match ${JSON.stringify(filters)}`, async () => {
    await using api = await startTestApi();
    api.engine.on("GET /events", (_request, response) => response.end());
    await publish(api, at(10, "a"), at(30, "b"));
    const { text } = await api.get(`/events?until=60&filters=${encodeURIComponent(JSON.stringify(filters))}`);
    assert.deepEqual(
      [...text.matchAll(/"name":"([a-z]+)"/g)].map(([, name]) => name),
      want,
    );
    assert.ok(api.engine.requests.some((line) => line.includes("filters=")));
  });
}

test("from now on: both streams as they come, until the client leaves", async () => {
  await using api = await startTestApi();
  const engineLeft = Promise.withResolvers<void>();
  const stream = Promise.withResolvers<(text: string) => void>();
  api.engine.on("GET /events", (_request, response) => {
    response.on("close", () => engineLeft.resolve());
    response.flushHeaders();
    stream.resolve((text) => response.write(text));
  });
  const outgoing = request({ socketPath: api.path, path: "/events", agent: false });
  outgoing.on("error", () => undefined);
  outgoing.end();
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  const lines = answer.setEncoding("utf8")[Symbol.asyncIterator]();
  await publish(api, at(10, "a"));
  assert.match(String((await lines.next()).value), /"name":"a"/);
  const write = await stream.promise;
  write('{"Type":"container","half":');
  await publish(api, at(20, "b"));
  assert.match(String((await lines.next()).value), /"name":"b"/);
  write("1}\n");
  assert.equal(String((await lines.next()).value), '{"Type":"container","half":1}\n');
  outgoing.destroy();
  await engineLeft.promise;
});

test("a client that asks for the past and stays gets the rest as it comes", async () => {
  await using api = await startTestApi();
  let calls = 0;
  api.engine.on("GET /events", (_request, response) => response.end(engineEvent(calls++ === 0 ? 20 : 90)));
  await publish(api, at(10, "a"));
  const { text } = await api.get("/events?since=5");
  assert.deepEqual(
    [...text.matchAll(/"time":([0-9]+)/g)].map(([, time]) => time),
    ["10", "20", "90"],
  );
  const [past, future] = api.engine.requests.filter((line) => line.includes("events"));
  assert.match(past ?? "", /since=5\.000000000&until=([0-9]+)\.[0-9]{9}$/);
  assert.match(future ?? "", /since=[0-9]+\.[0-9]{6}001$/);
});

test("before there is a cluster, events are the engine's", async () => {
  await using api = await startTestApi();
  api.membership.manager = new FlotillaError("unavailable", "none");
  api.engine.on("GET /events", (_request, response) => response.end(engineEvent(1)));
  assert.equal((await api.get("/events")).text, engineEvent(1));
});

for (const { query, message } of [
  { query: "since=x", message: /invalid value for 'since'/ },
  { query: "since=5&until=4", message: /`since` time \(5\) cannot be after `until` time \(4\)/ },
  { query: "filters=[", message: /invalid filter/ },
]) {
  test(`events?${query}: 400`, async () => {
    await using api = await startTestApi();
    const reply = await api.get(`/events?${query}`);
    assert.equal(reply.status, 400);
    assert.match((reply.json as { message: string }).message, message);
  });
}

test("the engine's refusal is the answer", async () => {
  await using api = await startTestApi();
  api.engine.on("GET /events", (_request, response) => response.writeHead(400).end('{"message":"bad filter"}'));
  const reply = await api.get("/events");
  assert.equal(reply.status, 400);
  assert.deepEqual(reply.json, { message: "bad filter" });
});
