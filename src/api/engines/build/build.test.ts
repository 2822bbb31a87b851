import assert from "node:assert/strict";
import { request, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { pack } from "tar-stream";
import { openTwoHosts, sendJson, type TwoHosts } from "#api/engines/test-two-hosts.ts";
import type { TestEngine } from "#api/test-engine.ts";

/** A message of BuildKit's progress: text among the bytes of a protobuf message. */
const trace = (step: string) => ({
  id: "moby.buildkit.trace",
  aux: Buffer.from(`\n\x12[internal] ${step}*\x0c`).toString("base64"),
});

const sendLines = (response: ServerResponse, ...lines: readonly unknown[]): void => {
  response.end(lines.map((line) => `${JSON.stringify(line)}\r\n`).join(""));
};

const linesOf = (answer: string): readonly unknown[] =>
  answer
    .trim()
    .split("\r\n")
    .map((line) => JSON.parse(line) as unknown);

async function contextOf(dockerfile: string): Promise<string> {
  const archive = pack();
  archive.entry({ name: "Dockerfile" }, dockerfile);
  archive.finalize();
  return await text(archive);
}

/** `base:1` is on h1 alone; h2 gets it by a load. */
function serveBase({ api, far }: TwoHosts): { readonly loaded: readonly string[] } {
  const loaded: string[] = [];
  const serve = (engine: TestEngine) => {
    engine.on("GET /images/base:1/json", (_request, response) => sendJson(response, { Id: "sha256:a", Size: 1 }));
    engine.on("GET /images/base:1/get", (_request, response) => response.writeHead(200).end("base"));
  };
  serve(api.engine);
  far.on("POST /images/load", (request, response) => {
    void text(request).then((archive) => {
      loaded.push(archive);
      serve(far);
      response.end();
    });
  });
  return { loaded };
}

const ON_H2 = `buildargs=${encodeURIComponent('{"constraint:node":"=h2"}')}`;

test("a build goes to the host that it wants, with what it is upon", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  const { loaded } = serveBase(hosts);
  const bodies: string[] = [];
  far.on("POST /build", (request, response) => {
    void text(request).then((body) => {
      bodies.push(body);
      assert.deepEqual(loaded, ["base"], "it came before the context was whole");
      sendLines(response, { stream: "Successfully built" });
    });
  });
  const context = await contextOf("FROM base:1\n");
  const headers = { "Content-Type": "application/x-tar", "X-Registry-Config": "e30=" };
  const built = await api.call("POST", `/v1.45/build?t=app:1&${ON_H2}`, context, headers);
  assert.deepEqual([built.status, bodies], [200, [context]]);
  assert.ok(far.requests.includes("POST /v1.45/build?t=app%3A1&buildargs=%7B%7D"));
  const progress = { status: "Copying base:1 from h1", progressDetail: { current: 4, total: 4 }, id: "h2" };
  assert.deepEqual(linesOf(built.text), [progress, { stream: "Successfully built" }]);
});

test("where the same name was built last, it is built again", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  for (const engine of [api.engine, far]) {
    engine.on("POST /build", (request, response) => {
      request.resume().once("end", () => sendLines(response, { stream: "built" }));
    });
  }
  const buildsOnH2 = () => far.requests.filter((request) => request.includes("/build")).length;
  const build = async (query: string) => api.call("POST", `/v1.45/build?${query}`, "context");
  await build(`t=app:1&${ON_H2}`);
  for (const _ of "123") await build("t=app:1");
  assert.equal(buildsOnH2(), 4);
});

test("a builder that lacks an image is asked again when it is there", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  const { loaded } = serveBase(hosts);
  far.on("POST /build", (_request, response) => {
    const lookup = trace("load metadata for base:1");
    if (loaded.length === 0) sendLines(response, lookup, { error: "base:1: not found" });
    else sendLines(response, lookup, { id: "moby.image.id", aux: { ID: "sha256:b" } });
  });
  const built = await api.call("POST", `/v1.45/build?version=2&remote=client-session&session=s&${ON_H2}`);
  assert.deepEqual(loaded, ["base"]);
  assert.deepEqual(linesOf(built.text).at(-1), { id: "moby.image.id", aux: { ID: "sha256:b" } });
  assert.doesNotMatch(built.text, /not found/);
});

test("a build that fails says why, and does not try again what nobody can give", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  const failure = { error: "none:1: not found" };
  far.on("POST /build", (_request, response) => sendLines(response, trace("load metadata for none:1"), failure));
  const path = `/v1.45/build?version=2&remote=client-session&session=s&${ON_H2}`;
  assert.deepEqual(linesOf((await api.call("POST", path)).text).at(-1), failure);
  far.on("POST /build", (_request, response) => sendJson(response, { message: "no such option" }, 400));
  const refused = await api.call("POST", path);
  assert.deepEqual([refused.status, refused.json], [400, { message: "no such option" }]);
  const nowhere = await api.call("POST", "/v1.45/build?memory=1000000000000000");
  assert.deepEqual([nowhere.status, /no resources available/.test(nowhere.text)], [503, true]);
});

test("a host that is lost in the middle of a build ends it with an error", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  far.on("POST /build", (_request, response) => {
    response.write('{"stream":"Step 1"}\r\n');
    setTimeout(() => response.destroy(), 20);
  });
  const [, last] = linesOf((await api.call("POST", `/v1.45/build?${ON_H2}`)).text) as readonly { error?: string }[];
  assert.match(last?.error ?? "", /^the connection to the engine of h2 broke off/);
});

test("a client that goes away while it sends its context ends the build, and nothing else", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  const ended = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  far.on("POST /build", (request) => {
    begun.resolve();
    request.once("close", () => ended.resolve()).resume();
  });
  const headers = { "Content-Type": "application/x-tar", "Transfer-Encoding": "chunked" };
  const client = request({ socketPath: api.path, method: "POST", path: `/v1.45/build?${ON_H2}`, headers });
  client.on("error", () => undefined).write("x".repeat(200_000));
  await begun.promise;
  client.destroy();
  await ended.promise;
  assert.equal((await api.get("/_ping")).status, 200);
});
