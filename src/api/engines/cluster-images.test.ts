import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { nameIn } from "./images.ts";
import { openTwoHosts, sendJson } from "./test-two-hosts.ts";

const image = (id: string, created: number, ...tags: string[]) => ({
  Id: `sha256:${id}`,
  Created: created,
  RepoTags: tags.length > 0 ? tags : ["<none>:<none>"],
  RepoDigests: [],
});

const sendLines = (response: ServerResponse, ...lines: unknown[]): void => {
  response.writeHead(200, { "Content-Type": "application/json" });
  response.end(lines.map((line) => `${JSON.stringify(line)}\r\n`).join(""));
};

test("each image is listed once, with the names that it has anywhere", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  api.engine.on("GET /images/json", (_request, response) =>
    sendJson(response, [image("a", 1, "app:1"), image("b", 2)]),
  );
  far.on("GET /images/json", (_request, response) =>
    sendJson(response, [image("a", 1, "app:1", "app:2"), image("b", 2, "db:1")]),
  );
  const { json } = await api.get("/v1.45/images/json");
  assert.deepEqual(json, [image("b", 2, "db:1"), image("a", 1, "app:1", "app:2")]);
  const filters = encodeURIComponent('{"node":["h1"]}');
  assert.deepEqual((await api.get(`/v1.45/images/json?filters=${filters}`)).json, [
    image("b", 2),
    image("a", 1, "app:1"),
  ]);
});

test("an image is shown by a host that has it, tagged and removed on all of these", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  far.on("GET /images/registry:5000/app:1/json", (_request, response) => sendJson(response, { Id: "sha256:a" }));
  assert.deepEqual((await api.get("/v1.45/images/registry:5000/app:1/json")).json, { Id: "sha256:a" });

  far.on("POST /images/registry:5000/app:1/tag", (_request, response) => response.writeHead(201).end());
  assert.equal((await api.call("POST", "/v1.45/images/registry:5000/app:1/tag?repo=app&tag=2")).status, 201);
  assert.ok(far.requests.includes("POST /v1.45/images/registry:5000/app:1/tag?repo=app&tag=2"));

  const removed = [{ Untagged: "app:1" }, { Deleted: "sha256:a" }];
  for (const engine of [api.engine, far]) {
    engine.on("GET /images/app:1/json", (_request, response) => sendJson(response, { Id: "sha256:a" }));
    engine.on("DELETE /images/app:1", (_request, response) => sendJson(response, removed));
  }
  assert.deepEqual((await api.call("DELETE", "/v1.45/images/app:1")).json, removed);
  far.on("DELETE /images/app:1", (_request, response) => sendJson(response, { message: "in use" }, 409));
  const refused = await api.call("DELETE", "/v1.45/images/app:1");
  assert.deepEqual([refused.status, refused.json], [409, { message: "in use" }]);
});

test("an image is pushed by a host that has it under its tag, a repository by one that has any of it", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  for (const engine of [api.engine, far]) engine.on("GET /images/json", (_request, response) => sendJson(response, []));
  far.on("GET /images/registry:5000/app:1/json", (_request, response) => sendJson(response, { Id: "sha256:a" }));
  far.on("POST /images/registry:5000/app/push", (_request, response) => sendLines(response, { status: "Pushed" }));
  assert.equal((await api.call("POST", "/v1.45/images/registry:5000/app/push?tag=1")).text, '{"status":"Pushed"}\r\n');
  const missing = await api.call("POST", "/v1.45/images/registry:5000/app/push?tag=2");
  assert.equal(missing.status, 404);
  far.on("GET /images/json", (_request, response) => sendJson(response, [image("a", 1, "registry:5000/app:1")]));
  assert.equal((await api.call("POST", "/v1.45/images/registry:5000/app/push")).status, 200);
});

test("an image stays on every host when the one that uses it refuses to give it up", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  for (const engine of [api.engine, far]) {
    engine.on("GET /images/app:1/json", (_request, response) => sendJson(response, { Id: "sha256:db" }));
    engine.on("DELETE /images/app:1", (_request, response) => sendJson(response, [{ Untagged: "app:1" }]));
  }
  far.on("DELETE /images/app:1", (_request, response) => sendJson(response, { message: "db uses it" }, 409));
  assert.equal((await api.call("DELETE", "/v1.45/images/app:1")).status, 409);
  assert.ok(!api.engine.requests.some((request) => request.startsWith("DELETE")));
});

test("the name that a call gives: its tag counts more than one in the repository's name", () => {
  for (const [query, name] of [
    ["repo=app&tag=1", "app:1"],
    ["repo=app:9&tag=1", "app:1"],
    ["repo=registry:5000/app&tag=1", "registry:5000/app:1"],
    ["repo=registry:5000/app", "registry:5000/app"],
    ["tag=1", ""],
  ]) {
    assert.equal(nameIn(new URLSearchParams(query)), name, query);
  }
});

test("a commit is asked for as the client asks for it", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  far.on("POST /commit", (request, response) => {
    const isJson = request.headers["content-type"] === "application/json";
    void text(request).then((body) => sendJson(response, { message: body }, isJson ? 201 : 400));
  });
  const commit = async (body: string, type: string) => {
    const { status, json } = await api.call("POST", "/v1.45/commit?container=db", body, { "Content-Type": type });
    return [status, json];
  };
  assert.deepEqual(await commit('{ "Labels": {} }', "application/json"), [201, { message: '{ "Labels": {} }' }]);
  assert.deepEqual(await commit("{}", "text/plain"), [400, { message: "{}" }]);
});

test("every host pulls; layers are shown of one, a line for each of the others, and failures at the end", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  const layer = { status: "Downloading", progressDetail: { current: 1, total: 2 }, id: "l1" };
  api.engine.on("POST /images/create", (_request, response) => sendLines(response, layer, { status: "Done" }));
  far.on("POST /images/create", (_request, response) => sendLines(response, layer, layer, { status: "Done" }));
  const lines = async () =>
    (await api.call("POST", "/v1.45/images/create?fromImage=app&tag=1", undefined, { "X-Registry-Auth": "e30=" })).text
      .trim()
      .split("\r\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const told = await lines();
  const ofHost = (id: string) => told.filter((line) => line["id"] === id).map(({ status }) => status);
  assert.deepEqual(
    told.filter(({ id }) => id !== "h2"),
    [layer, { status: "Done" }],
  );
  assert.deepEqual(ofHost("h2"), ["Pulling", "Downloading", "Done", "Pull complete"]);
  far.on("POST /images/create", (_request, response) => sendLines(response, { error: "no space left" }));
  const message = "h2: no space left";
  assert.deepEqual((await lines()).at(-1), { errorDetail: { message }, error: message });
  api.engine.on("POST /images/create", (_request, response) => sendJson(response, { message: "not found" }, 404));
  const refused = await api.call("POST", "/v1.45/images/create?fromImage=app&tag=1");
  assert.deepEqual([refused.status, refused.json], [404, { message: "not found" }]);
});
