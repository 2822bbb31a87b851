import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { TestEngine } from "#api/test-engine.ts";
import { openTwoHosts, sendJson, type TwoHosts } from "./test-two-hosts.ts";

const onNode = (hosts: TwoHosts, node: string) => (method: string, path: string, body?: unknown) =>
  hosts.api.call(method, `/v1.45${path}`, body, { "X-Flotilla-Node": node });

test("a client that names a node uses that node alone", async () => {
  await using hosts = await openTwoHosts();
  const ask = onNode(hosts, "h2");
  const { json } = await ask("GET", "/containers/json?all=1");
  assert.deepEqual(
    (json as readonly { Names: unknown }[]).map(({ Names }) => Names),
    [["/db"]],
    "as its engine says",
  );
  assert.deepEqual(hosts.reached.at(-1), [hosts.farId, "daemon"]);
  hosts.far.on("GET /images/json", (_request, response) => sendJson(response, [{ Id: "i1" }]));
  assert.deepEqual((await ask("GET", "/images/json")).json, [{ Id: "i1" }]);
  assert.equal((await ask("POST", "/containers/web/stop")).status, 404, "which is on the other one");
  assert.equal((await ask("GET", "/services")).status, 200, "services are the cluster's");
  for (const method of ["GET", "POST"]) {
    const { status, json: refusal } = await onNode(hosts, "h9")(method, method === "GET" ? "/info" : "/build");
    assert.deepEqual(
      [status, refusal],
      [404, { message: "node h9 not found, which X-Flotilla-Node names: see docker node ls" }],
    );
  }
});

test("what is made there has a name that nothing else has", async () => {
  await using hosts = await openTwoHosts();
  const ask = onNode(hosts, "h2");
  const bodies: unknown[] = [];
  const serve = (engine: TestEngine, host: string) => {
    engine.on("GET /networks", (_request, response) => sendJson(response, []));
    for (const what of ["containers", "networks"]) {
      engine.on(
        `POST /${what}/create`,
        (request, response) =>
          void text(request).then((body) => {
            bodies.push([host, JSON.parse(body)]);
            sendJson(response, { Id: "c".repeat(64) }, 201);
          }),
      );
    }
  };
  serve(hosts.api.engine, "h1");
  serve(hosts.far, "h2");
  assert.equal((await ask("POST", "/containers/create?name=web", { Image: "app" })).status, 409, "h1 has it");
  assert.equal((await ask("POST", "/containers/create?name=new", { Image: "app" })).status, 201);
  assert.equal((await ask("POST", "/networks/create", { Name: "net", Driver: "bridge" })).status, 201);
  const Labels = { "com.docker.swarm.constraints": JSON.stringify([`node==${hosts.farId}`]) };
  assert.deepEqual(bodies, [
    ["h2", { Image: "app", Env: [], Labels }],
    ["h2", { Driver: "bridge", Name: "net" }],
  ]);
});

test("connections that become streams go there too", async () => {
  await using hosts = await openTwoHosts();
  hosts.far.onUpgrade((request, socket) => socket.end(`HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n${request.url}`));
  const client = connect({ path: hosts.api.path });
  const head = [
    "POST /exec/e1/start HTTP/1.1",
    "Host: d",
    "Connection: Upgrade",
    "Upgrade: tcp",
    "X-Flotilla-Node: h2",
  ];
  client.write(`${head.join("\r\n")}\r\n\r\n`);
  await once(client, "readable");
  assert.match(await text(client), /^HTTP\/1\.1 101 [^]*\/exec\/e1\/start$/);
});
