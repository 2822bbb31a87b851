import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { openTwoHosts, sendJson, type TwoHosts } from "./test-two-hosts.ts";

const LATE = "c".repeat(64);

/** h2 hangs when it is asked to create a container, is lost, and has made it when it is back. */
function hangAndReturn(hosts: TwoHosts, State: string): void {
  const { far } = hosts;
  far.on("POST /containers/create", () => {
    const late = { Id: LATE, Names: ["/pend"], Created: 3_000, State, Labels: {} };
    far.on("GET /containers/json", (_request, response) => sendJson(response, [late]));
    hosts.breakOff();
  });
  far.on(`DELETE /containers/${LATE}`, (_request, response) => {
    far.on("GET /containers/json", (_again, list) => sendJson(list, []));
    response.writeHead(204).end();
  });
}

const create = (hosts: TwoHosts, host: string) =>
  hosts.api.call("POST", "/v1.45/containers/create?name=pend", { Image: "i", Env: [`constraint:node==${host}`] });

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    assert.ok(tries < 200, what);
    await setTimeout(50);
  }
}

test("what a lost host makes of a creation that broke off is removed, and the name is free at once", async () => {
  await using hosts = await openTwoHosts();
  hangAndReturn(hosts, "created");
  const broken = await create(hosts, "h2");
  assert.deepEqual([broken.status, broken.json], [503, { message: "the connection to node h2 was lost" }]);
  hosts.api.engine.on("POST /containers/create", (_request, response) =>
    sendJson(response, { Id: "d".repeat(64) }, 201),
  );
  assert.equal((await create(hosts, "h1")).status, 201);
  await until("h2's is removed", () => hosts.far.requests.some((request) => request.startsWith("DELETE")));
  assert.ok(hosts.far.requests.includes(`DELETE /containers/${LATE}`));
});

test("one that somebody has started is left alone", async () => {
  await using hosts = await openTwoHosts();
  hangAndReturn(hosts, "running");
  await create(hosts, "h2");
  await until("it is known", async () => (await hosts.names()).includes("/pend /h2/pend"));
  await setTimeout(1_500);
  assert.ok(!hosts.far.requests.some((request) => request.startsWith("DELETE")));
});
