import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Draft } from "./draft.ts";
import { START, service, task } from "./testing/builders.ts";
import { summarize } from "./testing/summary.ts";

const web = service();
const draft = () => new Draft({ now: START, newId: () => "new" });
const fresh = (slot: number) => task(web, { id: `new${slot}`, slot, desired: "ready" });

describe("Draft", () => {
  test("writes each task once, with the highest wish", () => {
    const it = draft();
    it.desire(task(web), "shutdown");
    it.desire(task(web), "remove");
    it.desire(task(web), "shutdown");
    assert.deepEqual(summarize(it.plan()), ["1@1 remove"]);
  });

  test("never lowers what is wanted", () => {
    const it = draft();
    it.desire(task(web, { desired: "remove" }), "shutdown");
    assert.deepEqual(summarize(it.plan()), []);
  });

  test("expects the version that was read, and stamps the write", () => {
    const it = draft();
    it.desire(task(web, { version: 42 }), "shutdown");
    const [operation] = it.plan().operations;
    assert.ok(operation?.type === "update");
    assert.deepEqual([operation.expect, operation.object.updatedAt], [42, START]);
  });

  test("deletes what has stopped or was never placed, and asks for the removal of what has not", () => {
    const it = draft();
    it.dispose(task(web, { slot: 1, state: "failed" }));
    it.dispose(task(web, { slot: 2, state: "pending" }));
    it.dispose(task(web, { slot: 3, state: "assigned" }));
    assert.deepEqual(summarize(it.plan()), ["delete 1@1", "delete 2@1", "3@1 remove"]);
  });

  test("puts the service first, and a successor right behind what it replaces", () => {
    const it = draft();
    it.createTask(fresh(9));
    it.replaceTask(task(web), fresh(1));
    it.writeService(web);
    assert.deepEqual(summarize(it.plan()), [
      "service written",
      "1@1 shutdown",
      "create 1 ready created",
      "create 9 ready created",
    ]);
  });

  test("keeps a pair within one commit of 100 operations, if anything can fill the place before it", () => {
    const it = draft();
    it.writeService(web);
    for (let slot = 1; slot <= 60; slot++) it.replaceTask(task(web, { slot }), fresh(slot));
    it.createTask(fresh(99));
    const lines = summarize(it.plan());
    assert.equal(lines.length, 122);
    assert.deepEqual(lines.slice(99, 101), ["create 99 ready created", "50@1 shutdown"]);
  });

  test("looks again at the earliest time asked for", () => {
    const it = draft();
    for (const at of [30, 10, 20]) it.lookAgain(at);
    assert.equal(it.plan().again, 10);
    assert.equal(draft().plan().again, undefined);
  });
});
