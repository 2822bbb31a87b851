import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { aNode } from "#api/test-cluster.ts";
import type { TestEngine } from "#api/test-engine.ts";
import { openTwoHosts, sendJson } from "./test-two-hosts.ts";

/** A manager, to which comes a host h2 that has no containers. */
async function openNewcomer(tell: (engine: TestEngine) => void) {
  const hosts = await openTwoHosts();
  const { api, control, far } = hosts;
  far.on("GET /containers/json", (_request, response) => sendJson(response, []));
  far.on("POST /containers/create", (_request, response) => sendJson(response, { Id: "c".repeat(64) }, 201));
  tell(far);
  const object = { ...aNode("n3", "h3") };
  const { reach } = api.membership;
  api.membership.reach = (nodeId, ...rest) => reach(nodeId === object.id ? hosts.farId : nodeId, ...rest);
  control.view.objects.push(object);
  control.published.publish({ revision: 2, changes: [{ type: "create", kind: "node", object }] });
  const body = { Image: "app", Env: ["constraint:node==h3"] };
  return { hosts, create: () => api.call("POST", "/v1.45/containers/create?name=new", body) };
}

test("a container is not refused because its host has come a moment ago", async () => {
  const { hosts, create } = await openNewcomer((far) => {
    far.on("GET /containers/json", (_request, response) => void setTimeout(50).then(() => sendJson(response, [])));
  });
  await using _hosts = hosts;
  assert.equal((await create()).status, 201);
});

test("a host that was asked in vain is not waited for", async () => {
  const { hosts, create } = await openNewcomer((far) => {
    far.on("GET /_ping", (_request, response) => response.destroy());
  });
  await using _hosts = hosts;
  const refused = await create();
  assert.equal(refused.status, 503);
  assert.match(String((refused.json as { message: string }).message), /Unable to find a node|h3/);
});
