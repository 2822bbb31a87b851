import assert from "node:assert/strict";
import { test } from "node:test";
import { KnownManagers } from "./known-managers.ts";

const ADDRS = ["a", "b", "c"];
const none = () => undefined;
const three = (nodeId = "n1") => new KnownManagers(nodeId, ADDRS, none);
const told = (...addrs: readonly string[]) =>
  addrs.map((addr) => ({ addr: addr.replace("!", ""), live: !addr.endsWith("!") }));

test("none is known", () => {
  assert.equal(new KnownManagers("n1", [], none).next(), undefined);
});

test("each node has a manager of its own, and nodes are spread evenly", () => {
  const chosen = new Map<string, number>();
  for (let number = 0; number < 3_000; number++) {
    const addr = three(`node${number}`).next() ?? "";
    assert.equal(three(`node${number}`).next(), addr);
    chosen.set(addr, (chosen.get(addr) ?? 0) + 1);
  }
  for (const addr of ADDRS) {
    const count = chosen.get(addr) ?? 0;
    assert.ok(count > 850 && count < 1_150, `${addr} has ${count} of 3000 nodes`);
  }
});

test("when a manager comes, nodes move to it only; when it goes, only its own move", () => {
  for (let number = 0; number < 300; number++) {
    const managers = three(`node${number}`);
    const before = managers.next();
    managers.replace(told("a", "b", "c", "d"));
    const after = managers.next();
    assert.ok(after === before || after === "d");
    managers.replace(told("a", "b", "c", "d!"));
    assert.equal(managers.next(), before);
  }
});

test("a manager's own agent prefers that manager, as long as it works", () => {
  for (const own of ADDRS) {
    const managers = new KnownManagers("n1", ADDRS, () => own);
    assert.equal(managers.next(), own);
    managers.failed(own);
    assert.notEqual(managers.next(), own);
  }
});

test("one that failed is asked again only after every other one was", () => {
  const managers = three();
  const asked = new Set<string | undefined>();
  for (let round = 0; round < 3; round++) {
    const addr = managers.next();
    asked.add(addr);
    if (addr !== undefined) managers.failed(addr);
  }
  assert.deepEqual(asked, new Set(ADDRS));
});

test("one that is thought to be dead is asked after the others, and is not held to be failing once it is back", () => {
  const managers = three();
  const first = managers.next() ?? "";
  managers.failed(first);
  managers.replace(told(...ADDRS.map((addr) => (addr === first ? `${addr}!` : addr))));
  assert.notEqual(managers.next(), first);
  managers.replace(told(...ADDRS));
  assert.equal(managers.next(), first);
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
  assert.equal(managers.replace(told("a", "d")), true);
  assert.equal(managers.replace(told("d", "a")), false);
  assert.equal(managers.replace([]), false);
  assert.deepEqual(managers.addrs, ["d", "a"]);
  assert.equal(managers.next(), "d");
});
