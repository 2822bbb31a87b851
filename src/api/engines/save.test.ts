import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { TestEngine } from "#api/test-engine.ts";
import { openTwoHosts, sendJson } from "./test-two-hosts.ts";

function serveImages(engine: TestEngine, ...names: readonly string[]): void {
  for (const name of names) {
    engine.on(`GET /images/${name}/json`, (_request, response) => sendJson(response, { Id: name, Size: 1 }));
    engine.on(`GET /images/${name}/get`, (_request, response) => response.writeHead(200).end(name));
  }
  engine.on("GET /images/json", (_request, response) => sendJson(response, []));
  engine.on("GET /images/get", (_request, response) =>
    response.writeHead(200).end(`archive of ${names.join(" and ")}`),
  );
}

test("images are saved where all of them are, or are brought together", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  const loaded: string[] = [];
  far.on("POST /images/load", (request, response) => {
    void text(request).then((archive) => {
      loaded.push(archive);
      response.end();
    });
  });
  serveImages(api.engine, "a:1");
  serveImages(far, "b:1", "c:1");
  const save = (names: string) => api.get(`/v1.45/images/get?${names}`);
  assert.equal((await save("names=a:1")).text, "archive of a:1");
  assert.equal((await save("names=b:1&names=c:1")).text, "archive of b:1 and c:1");
  assert.deepEqual(loaded, []);
  assert.equal((await save("names=a:1&names=b:1&names=c:1")).status, 200);
  assert.deepEqual(loaded, ["a:1"], "to the host that has most");
  const missing = await save("names=a:1&names=none");
  assert.deepEqual([missing.status, missing.json], [404, { message: "No such image: none" }]);
});
