import assert from "node:assert/strict";
import { test } from "node:test";
import { EVERYTHING, type Subject, seen } from "./contract-subject.ts";

/** Callers that give up, and an engine that goes away. The last one removes all containers. */
export function endingContract(subject: Subject): void {
  const { signal } = new AbortController();

  test("ends whatever waits when its signal aborts", async () => {
    const { id, labels } = await subject.start("ready");
    const reason = new Error("enough");
    const gone = AbortSignal.abort(reason);
    for (const call of [
      () => subject.engine.describe(gone),
      () => subject.engine.inspectContainer(id, gone),
      () => subject.engine.stopContainer(id, 1_000, gone),
      () => subject.engine.events(labels, gone),
      () => subject.engine.logs(id, EVERYTHING, gone)[Symbol.asyncIterator]().next(),
    ]) {
      await assert.rejects(call, (err) => err === reason);
    }
    const later = new AbortController();
    const unread = await subject.engine.events(labels, later.signal);
    const waiting = seen(await subject.engine.events(labels, later.signal), "never");
    const following = subject.engine.logs(id, { ...EVERYTHING, follow: true }, later.signal)[Symbol.asyncIterator]();
    assert.equal((await following.next()).done, false);
    const next = following.next();
    later.abort(reason);
    await assert.rejects(waiting, (err) => err === reason);
    await assert.rejects(
      async () => next,
      (err) => err === reason,
    );
    await assert.rejects(seen(unread, "never"), (err) => err === reason);
  });

  test("is unavailable while it is down, and comes back with its containers", async () => {
    const { id, events } = await subject.start("ready");
    const idle = await subject.create("sleeper");
    const logs = subject.engine.logs(id, { ...EVERYTHING, follow: true }, signal)[Symbol.asyncIterator]();
    await logs.next();
    const waiting = assert.rejects(seen(events, "never"), { code: "unavailable" });
    await subject.opened.crash();
    await waiting;
    await assert.rejects(subject.engine.inspectContainer(id, signal), { code: "unavailable" });
    await assert.rejects(subject.engine.events({}, signal), { code: "unavailable" });
    await subject.opened.restart();
    assert.equal((await subject.inspect(id)).state, "exited");
    assert.equal((await subject.inspect(idle.id)).state, "created");
    for (const each of subject.created) await subject.engine.removeContainer(each, signal);
  });
}
