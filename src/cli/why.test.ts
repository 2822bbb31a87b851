import assert from "node:assert/strict";
import { test } from "node:test";
import { aNode } from "#api/test-cluster.ts";
import { startTestEngine } from "#api/test-engine.ts";
import { startTestApi } from "#api/test-server.ts";
import { type ErrorCode, FlotillaError } from "#base/errors.ts";
import { askWhy } from "./why.ts";

const { signal } = new AbortController();
const refuses = (code: ErrorCode, text: RegExp) => (err: unknown) =>
  err instanceof FlotillaError && err.code === code && text.test(err.message);

test("a manager explains what it is asked for", async () => {
  await using api = await startTestApi([aNode("node1", "h1")]);
  const explanation = await askWhy("h1", `unix://${api.path}`, signal);
  assert.equal(explanation.subject.name, "h1");
  assert.match(explanation.summary, /ready, 0 tasks running$/);
});

test("a name that means nothing is not found", async () => {
  await using api = await startTestApi();
  await assert.rejects(
    () => askWhy("web", `unix://${api.path}`, signal),
    refuses("not_found", /^service, task, node, network or movable container web not found$/),
  );
});

test("a daemon that is no manager passes its error on", async () => {
  await using api = await startTestApi();
  api.membership.manager = new FlotillaError("unavailable", "This node is not a swarm manager.");
  await assert.rejects(
    () => askWhy("web", `unix://${api.path}`, signal),
    refuses("unavailable", /not a swarm manager/),
  );
});

test("a plain engine is recognised as one", async () => {
  await using engine = await startTestEngine("1.51");
  await assert.rejects(() => askWhy("web", engine.url, signal), refuses("precondition", /is no Flotilla daemon/));
});

test("an address where nobody listens, and one that is none", async () => {
  await assert.rejects(() => askWhy("web", "unix:///nonexistent.sock", signal), refuses("unavailable", /-H/));
  await assert.rejects(() => askWhy("web", "ssh://h1", signal), refuses("invalid", /unix:\/\/\/PATH/));
});
