import assert from "node:assert/strict";
import { test } from "node:test";
import { plainCodec } from "./codec.ts";
import { SharedParts } from "./shared-parts.ts";
import { service, task } from "./testing/samples.ts";

test("equal specs become one, different ones do not, and the tasks stay equal and frozen", () => {
  const parts = new SharedParts();
  const other = { ...task("c").spec, ForceUpdate: 1 };
  const tasks = [task("a"), task("b", { endpoint: { ports: [] } }), task("c", { spec: other })];
  const decoded = tasks.map((object) => plainCodec.decode(plainCodec.encode(object), object));
  const shared = decoded.map((object) => parts.share(object));
  assert.deepEqual(shared, decoded);
  assert.ok(shared.every(Object.isFrozen));
  const [a, b, c] = shared;
  assert.ok(a?.kind === "task" && b?.kind === "task" && c?.kind === "task");
  assert.equal(a.spec, b.spec);
  assert.notEqual(a.spec, c.spec);
});

test("other objects stay as they are", () => {
  const web = service("web");
  assert.equal(new SharedParts().share(web), web);
});
