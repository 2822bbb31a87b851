import assert from "node:assert/strict";
import { test } from "node:test";
import type { ImageProgress, ImageRequest } from "#wire/protocol.ts";
import { createImageSource } from "./image-source.ts";
import { aTask, openFixture } from "./testing/fixture.ts";

test("a node gets the images of its own tasks, and no others", async () => {
  await using fixture = await openFixture();
  const spec = (Image: string) => ({ ContainerSpec: { Image }, ForceUpdate: 0 });
  await fixture.seed(
    aTask({ id: "t1", nodeId: "n1", spec: spec("docker.io/library/app") }),
    aTask({ id: "t2", nodeId: "n2", spec: spec("secret:1") }),
  );
  const asked: unknown[] = [];
  const progress: ImageProgress = { from: "h2", sentBytes: 1, totalBytes: 2 };
  const source = createImageSource(fixture.state, async function* (request, to) {
    asked.push([request, to]);
    yield progress;
  });
  const bring = (request: ImageRequest) =>
    Array.fromAsync(source.bringImage({ nodeId: "n1", role: "worker", addr: "" }, request, fixture.signal));
  const request = { image: "app:latest", pullFailed: false };
  assert.deepEqual([await bring(request), asked], [[progress], [[request, "n1"]]]);
  await assert.rejects(bring({ image: "secret:1", pullFailed: true }), { code: "forbidden" });
});
