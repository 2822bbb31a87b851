import assert from "node:assert/strict";
import { test } from "node:test";
import { isMadeHere, listedTag, staleTags, type TaggedImage, tagParts } from "./image-tags.ts";

const image = (id: string, ...digests: string[]): TaggedImage => ({ id, digests });
const list = (tags: Readonly<Record<string, TaggedImage>>) => new Map(Object.entries(tags));

test("names are taken apart as engines list them", () => {
  assert.deepEqual(tagParts("app"), { repository: "app", tag: "latest" });
  assert.deepEqual(tagParts("docker.io/library/app:1"), { repository: "app", tag: "1" });
  assert.deepEqual(tagParts("registry:5000/a/b"), { repository: "registry:5000/a/b", tag: "latest" });
  assert.equal(listedTag("registry:5000/app:2"), "registry:5000/app:2");
  for (const none of ["", "a".repeat(64), `sha256:${"a".repeat(64)}`, `app@sha256:${"a".repeat(64)}`]) {
    assert.equal(listedTag(none), undefined, none);
  }
});

test("a tag is made here when no registry has told what it means", () => {
  assert.equal(isMadeHere("app:1", [image("a")]), true);
  assert.equal(isMadeHere("app:1", [image("a"), image("b", "app@sha256:1")]), false);
  assert.equal(isMadeHere("mine:1", [image("a", "app@sha256:1")]), true, "a registry's image under a name of ours");
});

test("a host's tag is stale when all others that have it agree on another image", () => {
  const own = list({ "app:1": image("old"), "db:1": image("x"), "web:1": image("y"), "own:1": image("z") });
  const one = list({ "app:1": image("new"), "db:1": image("x") });
  assert.deepEqual(staleTags(own, [one, list({ "app:1": image("new") })]), ["app:1"]);
  assert.deepEqual(staleTags(own, [one, list({ "app:1": image("other") })]), []);
  assert.deepEqual(staleTags(own, [list({ "web:1": image("q", "web@sha256:1") })]), [], "a registry's");
});
