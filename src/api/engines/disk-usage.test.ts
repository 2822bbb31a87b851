import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { openTwoHosts, sendJson } from "./test-two-hosts.ts";

const image = (Id: string, Size: number, SharedSize: number, Containers: number) => ({
  Id,
  RepoTags: [`${Id}:1`],
  RepoDigests: [],
  Size,
  SharedSize,
  Containers,
});
const volume = (Name: string, Size: number) => ({ Name, UsageData: { Size, RefCount: 1 } });

/** h1 has `app` and `base`, of which `app` is made. */
const NEAR = {
  LayersSize: 130,
  Images: [image("app", 130, 100, 1), image("base", 100, 100, 0)],
  Containers: [{ Id: "c1", Names: ["/web"], SizeRw: 5 }],
  Volumes: [volume("data", 7)],
  BuildCache: [{ ID: "b1", Size: 3 }],
};
/** h2 has `base` too, and `other`, which is made of nothing else. */
const FAR = {
  LayersSize: 150,
  Images: [image("base", 100, 0, 2), image("other", 50, 0, 1)],
  Containers: [{ Id: "c2", Names: ["/db"], SizeRw: 6 }],
  Volumes: [volume("data", 8)],
  BuildCache: null,
};

/** What has a name or an id. */
type Named = readonly Readonly<Record<string, unknown>>[];
interface Usage {
  readonly LayersSize: number;
  readonly Images: Named;
  readonly Containers: Named;
  readonly Volumes: Named;
  readonly BuildCache: Named;
}

test("the room of all hosts is told, each image once", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  api.engine.on("GET /system/df", (_request, response) => sendJson(response, NEAR));
  far.on("GET /system/df", (_request, response) => sendJson(response, FAR));
  const usage = (await api.get("/v1.45/system/df")).json as Usage;
  const images = usage.Images.map(({ Id, SharedSize, Containers }) => [Id, SharedSize, Containers].join(" "));
  assert.deepEqual(images.toSorted(), ["app 100 1", "base 100 2", "other 0 1"]);
  assert.equal(usage.LayersSize, 180);
  assert.deepEqual(usage.Containers.map(({ Names }) => String(Names)).toSorted(), ["/db,/h2/db", "/web,/h1/web"]);
  assert.deepEqual(
    usage.Volumes.map(({ UsageData }) => UsageData),
    [
      { Size: 7, RefCount: 1 },
      { Size: 8, RefCount: 1 },
    ],
  );
  assert.deepEqual(usage.BuildCache, [{ ID: "b1", Size: 3 }]);
});

test("only what was asked for is told, and an engine that refuses the question refuses it", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  for (const engine of [api.engine, far]) {
    engine.on("GET /system/df", (request, response) =>
      request.url?.includes("type=volume")
        ? sendJson(response, { LayersSize: 0, Volumes: [volume("data", 1)] })
        : sendJson(response, { message: "unknown object type: odd" }, 400),
    );
  }
  const { json } = await api.get("/v1.45/system/df?type=volume");
  assert.deepEqual(json, { LayersSize: 0, Volumes: [volume("data", 1), volume("data", 1)] });
  const { status, json: refusal } = await api.get("/v1.45/system/df?type=odd");
  assert.deepEqual([status, refusal], [400, { message: "unknown object type: odd" }]);
});

test("an engine that has much to look at is waited for, and one that hangs is not", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  api.engine.on("GET /system/df", (_request, response) => sendJson(response, NEAR));
  far.on("GET /system/df", (_request, response) => void setTimeout(2_500).then(() => sendJson(response, FAR)));
  const slow = await api.get("/v1.45/system/df");
  assert.deepEqual([(slow.json as Usage).Containers.length, slow.headers["warning"]], [2, undefined]);
  far.on("GET /system/df", () => undefined);
  far.on("GET /_ping", () => undefined);
  const missing = await api.get("/v1.45/system/df");
  assert.equal((missing.json as Usage).Containers.length, 1);
  assert.match(String(missing.headers["warning"]), /without h2 \(the engine's answer took longer/);
});
