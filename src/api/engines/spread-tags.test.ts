import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import type { TestEngine } from "#api/test-engine.ts";
import type { Node } from "#model/objects.ts";
import { openTwoHosts, sendJson, type TwoHosts } from "./test-two-hosts.ts";

const OLD = `sha256:${"0".repeat(64)}`;
const NEW = `sha256:${"1".repeat(64)}`;

/** An engine's tag, and its calls on it. `load` gives it the new image. */
function serveTag(engine: TestEngine, tag: string, id: string): { readonly loaded: string[]; id: string } {
  const state = { loaded: [] as string[], id };
  engine.on(`GET /images/${tag}/json`, (_request, response) =>
    sendJson(response, { Id: state.id, Size: 10, RootFS: { Layers: [] } }),
  );
  engine.on(`GET /images/${tag}/get`, (_request, response) => response.writeHead(200).end(`archive of ${state.id}`));
  engine.on("POST /images/load", (request, response) => {
    void text(request).then((archive) => {
      state.loaded.push(archive);
      state.id = NEW;
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end(`{"stream":"Loaded image: ${tag}\\n"}\r\n`);
    });
  });
  engine.on("GET /images/json", (_request, response) => sendJson(response, [{ Id: state.id, RepoTags: [tag] }]));
  return state;
}

const linesOf = (answer: string): readonly Record<string, unknown>[] =>
  answer
    .trim()
    .split("\r\n")
    .map((line) => JSON.parse(line));

const load = ({ api }: TwoHosts) => api.call("POST", "/v1.45/images/load", "an archive");

test("what is loaded goes on to the host on which its name meant another image", async () => {
  await using hosts = await openTwoHosts();
  const own = serveTag(hosts.api.engine, "app:1", OLD);
  const far = serveTag(hosts.far, "app:1", OLD);
  const lines = linesOf((await load(hosts)).text);
  assert.deepEqual([own.loaded, far.loaded], [["an archive"], [`archive of ${NEW}`]]);
  assert.deepEqual(lines[0], { stream: "Loaded image: app:1\n" });
  assert.deepEqual(lines.at(-1), { id: "h2", status: "Has app:1 now" });
  await load(hosts);
  assert.equal(far.loaded.length, 1, "it has it now");
});

test("a host that has the image under another name is only given the name", async () => {
  await using hosts = await openTwoHosts();
  const { api } = hosts;
  serveTag(api.engine, "app:1", NEW);
  const far = serveTag(hosts.far, "app:1", OLD);
  api.engine.on("GET /images/base:1/json", (_request, response) => sendJson(response, { Id: NEW }));
  api.engine.on("POST /images/base:1/tag", (_request, response) => response.writeHead(201).end());
  hosts.far.on(`POST /images/${NEW}/tag`, (_request, response) => response.writeHead(201).end());
  assert.equal((await api.call("POST", "/v1.45/images/base:1/tag?repo=app&tag=1")).status, 201);
  assert.deepEqual(far.loaded, []);
  assert.ok(hosts.far.requests.includes(`POST /images/${NEW}/tag?repo=app&tag=1`));
});

test("an image of a container is made on its host, and its name means it everywhere", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  const own = serveTag(api.engine, "app:1", OLD);
  serveTag(far, "app:1", NEW);
  far.on("POST /commit", (_request, response) => sendJson(response, { Id: NEW }, 201));
  const committed = await api.call("POST", "/v1.45/commit?container=db&repo=app&tag=1", {});
  assert.deepEqual([committed.status, committed.json, own.loaded], [201, { Id: NEW }, [`archive of ${NEW}`]]);
});

test("an engine that refuses the copy keeps what it had, which is told and noted", async () => {
  await using hosts = await openTwoHosts();
  serveTag(hosts.api.engine, "app:1", OLD);
  serveTag(hosts.far, "app:1", OLD);
  hosts.far.on("POST /images/load", (request, response) => {
    request.resume().once("end", () => response.end('{"error":"invalid diffID for layer 0"}\r\n'));
  });
  const told = linesOf((await load(hosts)).text).at(-1);
  const status = "May have an older app:1 until it is back: invalid diffID for layer 0";
  assert.deepEqual(told, { id: "h2", status });
  assert.deepEqual(hosts.control.calls, [["tagsMissed", [hosts.farId]]]);
});

test("a host that is down is noted, and gets the image when it is back", async () => {
  await using hosts = await openTwoHosts();
  const { api, control, farId } = hosts;
  serveTag(api.engine, "app:1", OLD);
  const far = serveTag(hosts.far, "app:1", OLD);
  const change = (state: Partial<Node>) => {
    const index = control.view.objects.findIndex(({ id }) => id === farId);
    const old = control.view.objects[index] as Node;
    const object = { ...old, ...state };
    control.view.objects[index] = object;
    const changes = [{ type: "update", kind: "node", object, old }] as const;
    control.published.publish({ revision: 2, changes });
  };
  change({ status: { state: "down", addr: "", since: 0 } });
  assert.match((await load(hosts)).text, /May have an older app:1 until it is back: it is down/);
  assert.deepEqual(control.calls, [["tagsMissed", [farId]]]);
  assert.deepEqual(far.loaded, []);
  change({ missedTagsAt: 7, status: { state: "ready", addr: "", since: 0 } });
  for (let tries = 0; tries < 100 && control.calls.length < 2; tries++) await setTimeout(20);
  assert.deepEqual(far.loaded, [`archive of ${NEW}`]);
  assert.deepEqual(control.calls.at(-1), ["tagsCaught", farId, 7]);
});
