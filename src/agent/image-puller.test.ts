import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { silentLogger } from "#base/log.ts";
import { ManualClock } from "#base/manual-clock.ts";
import { createFakeEngine } from "#engine/fake-engine.ts";
import type { ImageProgress, ImageRequest } from "#wire/protocol.ts";
import { ImagePuller } from "./image-puller.ts";
import type { PeerImages } from "./peer-images.ts";
import { description } from "./testing/builders.ts";

const never = new AbortController().signal;
const DIGEST = `sha256:${"a".repeat(64)}`;
const unreachable = new FlotillaError("internal", "lookup registry: connection refused");

function bed(preferLocalImages = false) {
  const clock = new ManualClock();
  const engine = createFakeEngine({ clock, description });
  const asked: ImageRequest[] = [];
  /** What other hosts give, and when; they put it onto the engine. */
  const given = { made: "", anything: "" };
  const peers: Pick<PeerImages, "bring"> = {
    async bring(request, _signal, tell) {
      asked.push(request);
      if (request.image !== (request.pullFailed ? given.anything : given.made)) return false;
      tell({ from: "h2", sentBytes: 1, totalBytes: 2 });
      engine.addImage(request.image, { pullError: unreachable });
      return true;
    },
  };
  const images = new ImagePuller({ engine, clock, log: silentLogger, peers, preferLocalImages });
  return { clock, engine, images, asked, given };
}

test("an image named by its id is never pulled", async () => {
  const { engine, images } = bed();
  await images.ensure(DIGEST, undefined, never);
  assert.equal(engine.calls("pullImage"), 0);
});

test("an image named by digest is pulled only when it is not local", async () => {
  const { engine, images } = bed();
  engine.publishImage(`app@${DIGEST}`);
  await images.ensure(`app@${DIGEST}`, undefined, never);
  await images.ensure(`app@${DIGEST}`, undefined, never);
  assert.equal(engine.calls("pullImage"), 1);
});

test("a tag is pulled each time, as it may have moved", async () => {
  const { engine, images } = bed();
  engine.addImage("app:1");
  await images.ensure("app:1", undefined, never);
  await images.ensure("app:1", undefined, never);
  assert.equal(engine.calls("pullImage"), 2);
});

test("a local tag is taken at once where local images are preferred", async () => {
  const { engine, images } = bed(true);
  engine.addImage("app:1");
  await images.ensure("app:1", undefined, never);
  assert.equal(engine.calls("pullImage"), 0);
});

test("without a registry the local image will do, and the registry is left alone for a while", async () => {
  const { clock, engine, images } = bed();
  engine.addImage("app:1", { pullError: unreachable });
  await images.ensure("app:1", undefined, never);
  await images.ensure("app:1", undefined, never);
  assert.equal(engine.calls("pullImage"), 1);
  await clock.advance(30_000);
  await images.ensure("app:1", undefined, never);
  assert.equal(engine.calls("pullImage"), 2);
});

test("without a registry and without the image, the image is named, and then the pull's reason", async () => {
  const { engine, images } = bed();
  engine.publishImage("docker.io/library/app:1", { pullError: unreachable });
  const message = "No such image: app:1: lookup registry: connection refused";
  await assert.rejects(images.ensure("docker.io/library/app:1", undefined, never), { code: "internal", message });
});

test("tasks share a pull, which goes on until the last of them gives up", async () => {
  const { clock, engine, images } = bed();
  engine.publishImage("app:1", { pullMs: 1_000 });
  const stop = new AbortController();
  const gone = new Error("gone");
  const first = assert.rejects(images.ensure("app:1", undefined, stop.signal), gone);
  const second = images.ensure("app:1", undefined, never);
  await clock.advance(500);
  stop.abort(gone);
  await first;
  await clock.advance(500);
  await second;
  assert.equal(engine.calls("pullImage"), 1);

  engine.removeImage("app:1");
  const again = new AbortController();
  const third = assert.rejects(images.ensure("app:1", undefined, again.signal), gone);
  await clock.settle();
  again.abort(gone);
  await third;
  await clock.settle();
  assert.equal(clock.sleepers, 0);
});

test("credentials make it another pull", async () => {
  const { clock, engine, images } = bed();
  engine.publishImage("app:1", { pullMs: 10 });
  const both = Promise.all([images.ensure("app:1", "one", never), images.ensure("app:1", "two", never)]);
  await clock.advance(10);
  await both;
  assert.equal(engine.calls("pullImage"), 2);
});

test("an image that was made in the cluster comes from a host that has it, and no registry is asked", async () => {
  const { clock, engine, images, asked, given } = bed();
  given.made = "app:1";
  const told: ImageProgress[] = [];
  await images.ensure("app:1", undefined, never, (progress) => told.push(progress));
  await images.ensure("app:1", undefined, never);
  assert.deepEqual([engine.calls("pullImage"), asked, told.length], [0, [{ image: "app:1", pullFailed: false }], 1]);
  await clock.advance(30_000);
  await images.ensure("app:1", undefined, never);
  assert.equal(asked.length, 2, "it may have been made anew");
});

test("an image that cannot be pulled comes from a host that has it", async () => {
  const { engine, images, asked, given } = bed();
  engine.publishImage("app:1", { pullError: unreachable });
  given.anything = "app:1";
  await images.ensure("app:1", undefined, never);
  assert.deepEqual(
    asked.map(({ pullFailed }) => pullFailed),
    [false, true],
  );
  given.anything = DIGEST;
  await images.ensure(DIGEST, undefined, never);
  assert.equal(engine.calls("pullImage"), 1, "an id is never pulled");
});
