import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { BRIDGE } from "#api/networks/test-bridges.ts";
import type { TestEngine } from "#api/test-engine.ts";
import { ID, openTwoHosts, sendJson, type TwoHosts } from "./test-two-hosts.ts";

const network = (Name: string, Id: string, more = {}) => ({ ...BRIDGE, Name, Id, ...more });

interface Shown {
  readonly Name: string;
  readonly Id: string;
  readonly Node?: { readonly Name: string };
}

/** The bodies of the calls that create networks on an engine, join them there or leave them. */
function serveNetworks(engine: TestEngine, networks: readonly Shown[]): string[] {
  const calls: string[] = [];
  engine.on("GET /networks", (_request, response) => sendJson(response, networks));
  const note = async (request: IncomingMessage) => {
    const path = (request.url ?? "").replace(/^\/v[0-9.]+/, "").replace(/\?$/, "");
    calls.push(`${request.method} ${path} ${await text(request)}`.trim());
  };
  engine.on(
    "POST /networks/create",
    (request, response) => void note(request).then(() => sendJson(response, { Id: "new", Warning: "" }, 201)),
  );
  for (const { Name, Id } of networks) {
    engine.on(`GET /networks/${Id}`, (_request, response) => sendJson(response, network(Name, Id)));
    for (const route of [`DELETE /networks/${Id}`, `POST /networks/${Id}/connect`, `POST /networks/${Id}/disconnect`]) {
      engine.on(route, (request, response) => void note(request).then(() => response.writeHead(200).end()));
    }
  }
  return calls;
}

async function shown(hosts: TwoHosts, query = ""): Promise<readonly string[]> {
  const { json } = await hosts.api.get(`/v1.45/networks${query}`);
  return (json as readonly Shown[]).map(({ Name, Id, Node }) => [Name, Id, Node?.Name].join(" ").trim()).toSorted();
}

/** h1 has `plain` and `both`, h2 has `away` and `both`; each has its own `bridge`. */
async function openNetworks() {
  const hosts = await openTwoHosts();
  const near = serveNetworks(hosts.api.engine, [BRIDGE, network("plain", "aa1"), network("both", "cc1")]);
  const far = serveNetworks(hosts.far, [network("bridge", "bb"), network("away", "aa2"), network("both", "cc2")]);
  return { hosts, near, far, [Symbol.asyncDispose]: () => hosts[Symbol.asyncDispose]() };
}

test("networks of all hosts are listed, those that every engine has once", async () => {
  await using opened = await openNetworks();
  const { hosts } = opened;
  const user = ["away aa2 h2", "both cc1 h1", "both cc2 h2", "plain aa1 h1"];
  assert.deepEqual(await shown(hosts), [user[0], user[1], user[2], `bridge ${BRIDGE.Id}`, user[3]]);
  assert.deepEqual(await shown(hosts, `?filters=${encodeURIComponent('{"node":["h2"]}')}`), [
    "away aa2 h2",
    "both cc2 h2",
    "bridge bb",
  ]);
  hosts.lose();
  await hosts.far.stop();
  const { headers } = await hosts.api.get("/v1.45/networks");
  assert.match(String(headers["warning"]), /without h2/);
  assert.deepEqual(await shown(hosts), ["both cc1 h1", `bridge ${BRIDGE.Id}`, "plain aa1 h1"]);
});

test("a network is shown and removed wherever it is", async () => {
  await using opened = await openNetworks();
  const { hosts, near, far } = opened;
  const { api } = hosts;
  for (const reference of ["away", "aa2", "h2/away"]) {
    const { json } = await api.get(`/v1.45/networks/${reference}`);
    assert.partialDeepStrictEqual(json, { Name: "away", Node: { Name: "h2" } });
  }
  assert.partialDeepStrictEqual((await api.get("/v1.45/networks/h2/bridge")).json, { Id: "bb" });
  assert.partialDeepStrictEqual((await api.get("/v1.45/networks/bridge")).json, { Id: BRIDGE.Id });
  assert.equal((await api.get("/v1.45/networks/both")).status, 400, "two have this name");
  assert.equal((await api.get("/v1.45/networks/h1/away")).status, 404);
  assert.equal((await api.get("/v1.45/networks/h9/away")).status, 404);
  assert.equal((await api.call("DELETE", "/v1.45/networks/away")).status, 200);
  assert.equal((await api.call("DELETE", "/v1.45/networks/h1/both")).status, 200);
  assert.deepEqual([near, far], [["DELETE /networks/cc1"], ["DELETE /networks/aa2"]]);
});

test("all hosts' unused networks are pruned", async () => {
  await using opened = await openNetworks();
  const { hosts, near, far } = opened;
  const { json } = await hosts.api.call("POST", "/v1.45/networks/prune");
  assert.deepEqual(json, { NetworksDeleted: ["plain", "both", "away", "both"] });
  assert.deepEqual(near, ["DELETE /networks/aa1", "DELETE /networks/cc1"]);
  assert.deepEqual(far, ["DELETE /networks/aa2", "DELETE /networks/cc2"]);
});

test("a name is there once, and a new network goes where it is asked for, or to the host that has least", async () => {
  await using opened = await openNetworks();
  const { hosts, near, far } = opened;
  const create = (Name: string) => hosts.api.call("POST", "/v1.45/networks/create", { Name, Driver: "bridge" });
  for (const name of ["away", "plain", "h1/away"]) {
    const { status, json } = await create(name);
    assert.deepEqual([status, json], [409, { message: `network with name ${name.split("/").at(-1)} already exists` }]);
  }
  assert.equal((await create("h2/new")).status, 201);
  assert.equal((await create("h1/other")).status, 201);
  assert.deepEqual(far, ['POST /networks/create {"Driver":"bridge","Name":"new"}']);
  assert.deepEqual(near, ['POST /networks/create {"Driver":"bridge","Name":"other"}']);
  hosts.api.engine.on("GET /networks", (_request, response) => sendJson(response, [BRIDGE]));
  assert.equal((await create("third")).status, 201);
  assert.equal(near.length, 2, "h1 has fewer networks by now");
});

test("a container joins its own host's networks, and is told of those that only another host has", async () => {
  await using opened = await openNetworks();
  const { hosts, far } = opened;
  const tell = (path: string, Container: string) => hosts.api.call("POST", `/v1.45/networks/${path}`, { Container });
  for (const path of ["away/connect", "both/connect", "h2/both/disconnect"]) {
    assert.equal((await tell(path, "db")).status, 200, path);
  }
  const body = JSON.stringify({ Container: ID.db });
  assert.deepEqual(far, [
    `POST /networks/aa2/connect ${body}`,
    `POST /networks/cc2/connect ${body}`,
    `POST /networks/cc2/disconnect ${body}`,
  ]);
  for (const name of ["plain", "h1/both"]) {
    const { status, json } = await tell(`${name}/connect`, "db");
    assert.equal(status, 400);
    assert.match(
      (json as { readonly message: string }).message,
      new RegExp(`^network ${name} belongs to the engine of h1, and container db is on h2: .*--driver overlay`),
    );
  }
});

test("a container goes to the host of its network", async () => {
  await using opened = await openNetworks();
  const { hosts } = opened;
  const created: string[] = [];
  for (const [name, engine] of [
    ["h1", hosts.api.engine],
    ["h2", hosts.far],
  ] as const) {
    engine.on(
      "POST /containers/create",
      (request, response) =>
        void text(request).then((body) => {
          created.push(
            `${name} ${(JSON.parse(body) as { HostConfig: { NetworkMode: string } }).HostConfig.NetworkMode}`,
          );
          sendJson(response, { Id: String(created.length).repeat(64), Warnings: [] }, 201);
        }),
    );
  }
  for (const NetworkMode of ["plain", "away", "h1/both", "h2/both"]) {
    await hosts.api.call("POST", "/v1.45/containers/create", { Image: "i", HostConfig: { NetworkMode } });
  }
  assert.deepEqual(created, ["h1 plain", "h2 away", "h1 both", "h2 both"]);
});
