import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { TestEngine } from "#api/test-engine.ts";
import { openTwoHosts, sendJson, type TwoHosts } from "./test-two-hosts.ts";

const never = new AbortController().signal;
const ARCHIVE = "x".repeat(5_000);

function serveImage(engine: TestEngine, id: string, ...RepoDigests: readonly string[]): void {
  engine.on("GET /images/app:1/json", (_request, response) => sendJson(response, { Id: id, Size: 4_000, RepoDigests }));
  engine.on("GET /images/app:1/get", (_request, response) => response.writeHead(200).end(ARCHIVE));
}

function takeImages(engine: TestEngine): readonly string[] {
  const taken: string[] = [];
  engine.on("POST /images/load", (request, response) => {
    void text(request).then((archive) => {
      taken.push(archive);
      response.end('{"stream":"Loaded image: app:1\\n"}\r\n');
    });
  });
  return taken;
}

const bring = ({ api, farId }: TwoHosts, pullFailed: boolean) =>
  Array.fromAsync(api.server.bringImage({ image: "app:1", pullFailed }, farId, never));

test("an image that was made in the cluster is brought to a host that needs it, once for all who ask", async () => {
  await using hosts = await openTwoHosts();
  serveImage(hosts.api.engine, "sha256:a");
  const taken = takeImages(hosts.far);
  const [progress] = await Promise.all([bring(hosts, false), bring(hosts, false)]);
  assert.deepEqual(taken, [ARCHIVE]);
  assert.deepEqual(progress[0], { from: "h1", sentBytes: 5_000, totalBytes: 5_000 });
  serveImage(hosts.far, "sha256:a");
  assert.deepEqual(await bring(hosts, false), [], "it is there");
});

test("an image that registries know is brought when it could not be pulled", async () => {
  await using hosts = await openTwoHosts();
  serveImage(hosts.api.engine, "sha256:a", "app@sha256:1");
  const taken = takeImages(hosts.far);
  await assert.rejects(bring(hosts, false), { code: "not_found", message: "app:1 is to be pulled" });
  await bring(hosts, true);
  assert.deepEqual(taken, [ARCHIVE]);
});

test("what no host has is not there, and what an engine refuses to take neither", async () => {
  await using hosts = await openTwoHosts();
  await assert.rejects(bring(hosts, true), { code: "not_found", message: "No such image: app:1" });
  serveImage(hosts.api.engine, "sha256:a");
  hosts.far.on("POST /images/load", (request, response) => {
    request.resume().once("end", () => response.end('{"error":"no space left on device"}\r\n'));
  });
  await assert.rejects(bring(hosts, true), { code: "internal", message: "no space left on device" });
});
