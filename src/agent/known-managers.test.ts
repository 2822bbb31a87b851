import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "#base/random.ts";
import { KnownManagers } from "./known-managers.ts";

const three = () => new KnownManagers(["a", "b", "c"], seededRandom(7));

test("none is known", () => {
  assert.equal(new KnownManagers([], seededRandom(1)).next(), undefined);
});

test("managers that work share the load", () => {
  const managers = three();
  const chosen = new Set(Array.from({ length: 50 }, () => managers.next()));
  assert.deepEqual(chosen, new Set(["a", "b", "c"]));
});

test("one that failed is asked again only after every other one was", () => {
  const managers = three();
  const asked = new Set<string | undefined>();
  for (let round = 0; round < 3; round++) {
    const addr = managers.next();
    asked.add(addr);
    if (addr !== undefined) managers.failed(addr);
  }
  assert.deepEqual(asked, new Set(["a", "b", "c"]));
});

test("one that works again counts as if it had never failed", () => {
  const managers = three();
  managers.failed("a");
  managers.succeeded("a");
  managers.failed("b");
  managers.failed("c");
  assert.equal(managers.next(), "a");
});

test("a new list keeps what is known of those on it, and an empty one says nothing", () => {
  const managers = three();
  managers.failed("a");
  assert.equal(managers.replace(["a", "d"]), true);
  assert.equal(managers.replace(["d", "a"]), false);
  assert.equal(managers.replace([]), false);
  assert.deepEqual(managers.addrs, ["d", "a"]);
  assert.equal(managers.next(), "d");
});
