import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import type { Task } from "#model/objects.ts";
import type { Caller, LogBatch, LogOptions, LogSubscription } from "#wire/protocol.ts";
import { endOnAbort } from "#wire/streams.ts";
import type { ClusterLogMessage } from "./control.ts";
import { LogBroker } from "./log-broker.ts";
import type { ConnectPeer } from "./log-links.ts";
import { aLiveManager, aNode, aService, aTask, type Fixture, openFixture } from "./testing/fixture.ts";

const OPTIONS: LogOptions = { stdout: true, stderr: true, follow: false };
const WEB = { serviceIds: ["web"], taskIds: [] };
const caller = (nodeId: string): Caller => ({ nodeId, role: "worker", addr: "10.0.0.1" });
const runningTask = (id: string, nodeId: string): Task =>
  aTask({ id, nodeId, status: { state: "running", timestamp: 0, message: "" } });

/** An agent at the other end: what it was asked for, and answers to that. */
class Agent {
  readonly asked: LogSubscription[] = [];
  readonly #broker: LogBroker;
  readonly #nodeId: string;
  readonly #stop = new AbortController();
  readonly #listening: Promise<void>;

  constructor(broker: LogBroker, nodeId: string) {
    this.#broker = broker;
    this.#nodeId = nodeId;
    this.#listening = this.#listen();
  }

  async #listen(): Promise<void> {
    for await (const message of this.#broker.logSubscriptions(caller(this.#nodeId), this.#stop.signal)) {
      this.asked.push(message);
    }
  }

  get last(): LogSubscription {
    const last = this.asked.at(-1);
    assert.ok(last, "nothing was asked");
    return last;
  }

  async publish(batch: Partial<LogBatch>, subscriptionId = this.last.id): Promise<void> {
    const whole: LogBatch = { subscriptionId, messages: [], ended: [], ...batch };
    await this.#broker.publishLogs(
      caller(this.#nodeId),
      (async function* () {
        yield whole;
      })(),
    );
  }

  line = (taskId: string, text: string) => ({
    taskId,
    stream: "stdout" as const,
    timestamp: "2026-11-21T10:00:00.000000000Z",
    data: Buffer.from(text),
  });

  async leave(): Promise<void> {
    this.#stop.abort(new Error("the agent is gone"));
    await this.#listening;
  }
}

async function open(...tasks: readonly Task[]) {
  const fixture = await openFixture();
  await fixture.seed(aNode({ id: "n1" }), aNode({ id: "n2" }), aService({ id: "web" }), ...tasks);
  const broker = new LogBroker({ ...fixture, nodeId: "m1", connectPeer: () => assert.fail("there is no other") });
  const join = async (nodeId: string) => {
    const agent = new Agent(broker, nodeId);
    await fixture.clock.settle();
    return agent;
  };
  return { fixture, broker, join };
}

/** A client that reads everything: `lines` as they come, `done` when there are no more. */
function read(fixture: Fixture, broker: LogBroker, options = OPTIONS, selector = WEB) {
  const stop = new AbortController();
  const lines: string[] = [];
  const stream = broker.logs(selector, options, AbortSignal.any([stop.signal, fixture.signal]));
  const done = (async () => {
    for await (const message of stream) lines.push(render(message));
  })();
  done.catch(() => undefined);
  return { lines, done, stop };
}

const render = ({ serviceId, nodeId, taskId, data }: ClusterLogMessage) =>
  `${serviceId}/${taskId}@${nodeId}: ${Buffer.from(data).toString()}`;

test("a question goes to every node that runs a task of it, and ends when all are read", async () => {
  const pending = aTask({ id: "t3", status: { state: "pending", timestamp: 0, message: "" } });
  const { fixture, broker, join } = await open(runningTask("t1", "n1"), runningTask("t2", "n2"), pending);
  await using _ = fixture;
  const [one, two] = [await join("n1"), await join("n2")];
  const { lines, done } = read(fixture, broker);
  await fixture.clock.settle();
  assert.deepEqual([one.last.taskIds, two.last.taskIds], [["t1"], ["t2"]]);
  await one.publish({ messages: [one.line("t1", "a")], ended: [{ taskId: "t1" }] });
  await two.publish({ messages: [two.line("t2", "b"), two.line("t2", "c")], ended: [{ taskId: "t2" }] });
  await done;
  assert.deepEqual(lines, ["web/t1@n1: a", "web/t2@n2: b", "web/t2@n2: c"]);
});

test("a question for nothing is refused, and one for nothing that runs is answered at once", async () => {
  const { fixture, broker } = await open();
  await using _ = fixture;
  await assert.rejects(read(fixture, broker, OPTIONS, { serviceIds: [], taskIds: [] }).done, /must not be empty/);
  await read(fixture, broker).done;
});

test("a node may only answer for its own tasks, and only what it was asked", async () => {
  const { fixture, broker, join } = await open(runningTask("t1", "n1"));
  await using _ = fixture;
  const [one, stranger] = [await join("n1"), await join("n2")];
  const { lines, done } = read(fixture, broker);
  await fixture.clock.settle();
  await stranger.publish({ messages: [one.line("t1", "forged")], ended: [{ taskId: "t1" }] }, one.last.id);
  await one.publish({ messages: [one.line("other", "unasked")] });
  await one.publish({ messages: [one.line("t1", "genuine")], ended: [{ taskId: "t1" }] }, "no such question");
  await one.publish({ messages: [one.line("t1", "genuine")], ended: [{ taskId: "t1" }] });
  await done;
  assert.deepEqual(lines, ["web/t1@n1: genuine"]);
});

for (const { name, break: breakIt, reason } of [
  { name: "is not there", break: async () => undefined, reason: "node n2 is not available" },
  {
    name: "leaves in the middle",
    break: (two?: Agent) => two?.leave(),
    reason: "node n2 disconnected unexpectedly",
  },
  {
    name: "could not read a log",
    break: (two?: Agent) => two?.publish({ ended: [{ taskId: "t2", err: "no log driver" }] }),
    reason: "task t2: no log driver",
  },
]) {
  test(`what could not be read because a node ${name} is told at the end`, async () => {
    const { fixture, broker, join } = await open(runningTask("t1", "n1"), runningTask("t2", "n2"));
    await using _ = fixture;
    const one = await join("n1");
    const two = name === "is not there" ? undefined : await join("n2");
    const { lines, done } = read(fixture, broker);
    await fixture.clock.settle();
    await breakIt(two);
    await one.publish({ messages: [one.line("t1", "a")], ended: [{ taskId: "t1" }] });
    await assert.rejects(done, {
      code: "unavailable",
      message: `warning: incomplete log stream. some logs could not be retrieved for the following reasons: ${reason}`,
    });
    assert.deepEqual(lines, ["web/t1@n1: a"]);
  });
}

test("an agent that connects again has lost its question: nobody waits for it", async () => {
  const { fixture, broker, join } = await open(runningTask("t1", "n1"));
  await using _ = fixture;
  await join("n1");
  const { done } = read(fixture, broker);
  await fixture.clock.settle();
  await join("n1");
  await assert.rejects(done, /node n1 disconnected unexpectedly/);
});

const FOLLOW: LogOptions = { ...OPTIONS, follow: true };

test("a follower gets the logs of tasks that come later, and of nodes that come later", async () => {
  const { fixture, broker, join } = await open(runningTask("t1", "n1"));
  await using _ = fixture;
  const { lines, done } = read(fixture, broker, FOLLOW);
  await fixture.clock.settle();
  const [one, two] = [await join("n1"), await join("n2")];
  assert.deepEqual(one.last.taskIds, ["t1"]);
  await fixture.seed(aTask({ id: "t2", nodeId: "n2" }));
  await fixture.clock.settle();
  assert.equal(two.asked.length, 0, "a task that has not run has no log");
  const t2 = fixture.state.view.get("task", "t2");
  assert.ok(t2);
  const running = { ...runningTask("t2", "n2"), version: t2.version };
  await fixture.state.commit([{ type: "update", object: running, expect: t2.version }], fixture.signal);
  await fixture.clock.settle();
  assert.deepEqual(two.last, { id: one.last.id, close: false, options: FOLLOW, taskIds: ["t2"] });
  await two.publish({ messages: [two.line("t2", "later")], ended: [{ taskId: "t2" }] });
  await one.publish({ messages: [one.line("t1", "last")], ended: [{ taskId: "t1" }] });
  await fixture.clock.settle();
  assert.deepEqual(lines, ["web/t2@n2: later", "web/t1@n1: last"]);
  const service = fixture.state.view.get("service", "web");
  await fixture.state.commit(
    [{ type: "delete", kind: "service", id: "web", expect: service?.version ?? 0 }],
    fixture.signal,
  );
  await done;
});

test("a follower whose node comes back goes on after the last line that it got", async () => {
  const { fixture, broker, join } = await open(runningTask("t1", "n1"));
  await using _ = fixture;
  const { lines, stop, done } = read(fixture, broker, { ...FOLLOW, tail: 5 });
  await fixture.clock.settle();
  const one = await join("n1");
  const line = (second: number, text: string) => ({
    ...one.line("t1", text),
    timestamp: `2026-11-21T10:00:0${second}.000000000Z`,
  });
  await one.publish({ messages: [line(1, "a"), line(2, "b")] });
  await one.leave();
  const again = await join("n1");
  assert.notEqual(again.last.id, one.last.id);
  assert.deepEqual(again.last.options, { ...FOLLOW, since: "2026-11-21T10:00:02.000000000Z" });
  await again.publish({ messages: [line(2, "b"), line(3, "c")] });
  await one.publish({ messages: [line(4, "too late")] }, one.last.id);
  await fixture.clock.settle();
  assert.deepEqual(lines, ["web/t1@n1: a", "web/t1@n1: b", "web/t1@n1: c"]);
  stop.abort(new Error("the client is gone"));
  await done;
  await fixture.clock.settle();
  assert.equal(again.last.close, true);
});

describe("with several managers", () => {
  /** Two managers that reach each other, until one is cut off. */
  async function openTwo(...tasks: readonly Task[]) {
    const { fixture } = await open(...tasks);
    await fixture.seed(aLiveManager("m1"), aLiveManager("m2"));
    const brokers = new Map<string, LogBroker>();
    const links = new Set<AbortController>();
    const connectPeer: ConnectPeer = async (addr) => {
      const [id = ""] = addr.split(":");
      const other = brokers.get(id);
      if (other === undefined) throw new FlotillaError("unavailable", `${addr} does not answer`);
      const cut = new AbortController();
      links.add(cut);
      const by = { nodeId: "m1", role: "manager", addr: "10.0.0.1" } as const;
      return {
        relayLogs: (subscriptions, signal) =>
          endOnAbort(
            other.relayLogs(by, subscriptions, AbortSignal.any([signal, cut.signal])),
            AbortSignal.any([signal, cut.signal]),
          ),
        [Symbol.asyncDispose]: async () => void links.delete(cut),
      };
    };
    const start = (nodeId: string) => {
      const broker = new LogBroker({ ...fixture, nodeId, connectPeer });
      brokers.set(nodeId, broker);
      return broker;
    };
    const join = async (broker: LogBroker, nodeId: string) => {
      const agent = new Agent(broker, nodeId);
      await fixture.clock.settle();
      return agent;
    };
    const cut = async () => {
      for (const link of links) link.abort(new FlotillaError("unavailable", "the manager is gone"));
      await fixture.clock.settle();
    };
    return { fixture, start, join, cut };
  }

  test("any manager answers for the nodes of all", async () => {
    const { fixture, start, join } = await openTwo(runningTask("t1", "n1"), runningTask("t2", "n2"));
    await using _ = fixture;
    const [m1, m2] = [start("m1"), start("m2")];
    const [one, two] = [await join(m1, "n1"), await join(m2, "n2")];
    for (const asked of [m1, m2]) {
      const { lines, done } = read(fixture, asked);
      await fixture.clock.settle();
      await two.publish({ messages: [two.line("t2", "b")], ended: [{ taskId: "t2" }] });
      await fixture.clock.settle();
      await one.publish({ messages: [one.line("t1", "a")], ended: [{ taskId: "t1" }] });
      await done;
      assert.deepEqual(lines.sort(), ["web/t1@n1: a", "web/t2@n2: b"]);
    }
  });

  test("a follower goes on when a node moves from one manager to the other", async () => {
    const { fixture, start, join } = await openTwo(runningTask("t1", "n1"));
    await using _ = fixture;
    const [m1, m2] = [start("m1"), start("m2")];
    const first = await join(m2, "n1");
    const { lines, stop, done } = read(fixture, m1, FOLLOW);
    await fixture.clock.settle();
    await first.publish({ messages: [first.line("t1", "a")] });
    await fixture.clock.settle();
    const second = await join(m1, "n1");
    await first.leave();
    await fixture.clock.settle();
    assert.equal(second.last.options.since, "2026-11-21T10:00:00.000000000Z");
    const later = { ...second.line("t1", "b"), timestamp: "2026-11-21T10:00:01.000000000Z" };
    await second.publish({ messages: [second.line("t1", "a"), later] });
    await fixture.clock.settle();
    assert.deepEqual(lines, ["web/t1@n1: a", "web/t1@n1: b"]);
    stop.abort(new Error("the client is gone"));
    await done;
  });

  test("a manager that is lost is told as its nodes that were lost", async () => {
    const { fixture, start, join, cut } = await openTwo(runningTask("t1", "n1"));
    await using _ = fixture;
    const [m1, m2] = [start("m1"), start("m2")];
    await join(m2, "n1");
    const { done } = read(fixture, m1);
    await fixture.clock.settle();
    await cut();
    await assert.rejects(done, /node n1 disconnected unexpectedly/);
  });

  test("a manager that cannot be reached delays nobody for long", async () => {
    const { fixture, start, join } = await openTwo(runningTask("t1", "n1"), runningTask("t2", "n2"));
    await using _ = fixture;
    const m1 = start("m1");
    const one = await join(m1, "n1");
    const { done } = read(fixture, m1);
    await fixture.clock.settle();
    await one.publish({ messages: [one.line("t1", "a")], ended: [{ taskId: "t1" }] });
    await assert.rejects(done, /node n2 is not available/);
  });

  test("a client that leaves takes its question back from the nodes of all managers", async () => {
    const { fixture, start, join } = await openTwo(runningTask("t1", "n1"));
    await using _ = fixture;
    const [m1, m2] = [start("m1"), start("m2")];
    const one = await join(m2, "n1");
    const { stop, done } = read(fixture, m1, FOLLOW);
    await fixture.clock.settle();
    assert.equal(one.last.close, false);
    stop.abort(new Error("the client is gone"));
    await done;
    await fixture.clock.settle();
    assert.equal(one.last.close, true);
  });

  test("a follower hears of managers that come later", async () => {
    const { fixture, start, join } = await openTwo(runningTask("t1", "n1"));
    await using _ = fixture;
    const m1 = start("m1");
    const { lines, stop, done } = read(fixture, m1, FOLLOW);
    await fixture.clock.settle();
    const one = await join(start("m3"), "n1");
    await fixture.seed(aLiveManager("m3"));
    await fixture.clock.settle();
    await one.publish({ messages: [one.line("t1", "a")] });
    await fixture.clock.settle();
    assert.deepEqual(lines, ["web/t1@n1: a"]);
    stop.abort(new Error("the client is gone"));
    await done;
  });
});

test("a client that leaves takes its question back from the nodes that still read", async () => {
  const { fixture, broker, join } = await open(runningTask("t1", "n1"), runningTask("t2", "n2"));
  await using _ = fixture;
  const [one, two] = [await join("n1"), await join("n2")];
  const { done, stop } = read(fixture, broker, FOLLOW);
  await fixture.clock.settle();
  const { id } = one.last;
  await two.publish({ ended: [{ taskId: "t2" }] });
  stop.abort(new Error("the client is gone"));
  await done;
  await fixture.clock.settle();
  assert.deepEqual(one.last, { id, close: true, options: FOLLOW, taskIds: [] });
  assert.equal(two.asked.length, 1);
  await one.publish({ messages: [one.line("t1", "too late")] }, id);
});

test("a client that stops reading in the middle lets go of the nodes, too", async () => {
  const { fixture, broker, join } = await open(runningTask("t1", "n1"));
  await using _ = fixture;
  const one = await join("n1");
  const stream = broker.logs(WEB, FOLLOW, fixture.signal)[Symbol.asyncIterator]();
  const first = stream.next();
  await fixture.clock.settle();
  await one.publish({ messages: [one.line("t1", "a")] });
  await first;
  await stream.return?.();
  await fixture.clock.settle();
  assert.ok(one.last.close);
});
