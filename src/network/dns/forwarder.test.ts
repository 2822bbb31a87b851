import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { decode } from "dns-packet";
import { ManualClock } from "#base/manual-clock.ts";
import { seededRandom } from "#base/random.ts";
import type { Transport } from "./exchange.ts";
import { Forwarder } from "./forwarder.ts";
import { FORWARD_TIMEOUT_MS, MAX_FORWARDED, MAX_FORWARDED_PER_SOURCE, NEXT_UPSTREAM_MS } from "./limits.ts";
import { RCODE, type Rcode, readQuestion } from "./message.ts";
import { loopback, questionFor, startUpstream, upstreamAnswer } from "./testing.ts";

const PORT = 10_053;
const never = new AbortController().signal;

/** Upstreams at `loopback(1)`, …: each answers with its word's meaning, or is silent. */
const MEANINGS: Record<string, (message: Buffer) => Buffer | undefined> = {
  good: (message) => upstreamAnswer(message, ["192.0.2.1"]),
  other: (message) => upstreamAnswer(message, ["192.0.2.2"]),
  "no such name": (message) => upstreamAnswer(message, [], 3),
  failing: (message) => upstreamAnswer(message, [], 2),
  refusing: (message) => upstreamAnswer(message, [], 5),
  silent: () => undefined,
  forger: (message) => upstreamAnswer(questionFor("forged.example", "A", { id: decode(message).id }), ["192.0.2.66"]),
  "wrong id": () => upstreamAnswer(questionFor("www.example", "A", { id: 1 }), ["192.0.2.66"]),
  nonsense: () => Buffer.from("?"),
};

interface Setting extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly forwarder: Forwarder;
  readonly asked: readonly (readonly string[])[];
  ask(transport?: Transport, signal?: AbortSignal): Promise<Buffer | Rcode>;
}

async function setting(words: readonly string[]): Promise<Setting> {
  const clock = new ManualClock();
  const forwarder = new Forwarder({ clock, random: seededRandom(1) });
  const owned = new AsyncDisposableStack();
  const asked: (readonly string[])[] = [];
  for (const [index, word] of words.entries()) {
    const answer = MEANINGS[word];
    // Where nothing listens, the kernel says so.
    if (answer) {
      const upstream = await startUpstream(loopback(index + 1), PORT, answer);
      asked.push(owned.use(upstream).asked);
    } else {
      asked.push([]);
    }
  }
  const upstreams = words.map((_, index) => ({ address: loopback(index + 1), port: PORT }));
  const question = readQuestion(questionFor("www.example"));
  assert.ok(typeof question === "object");
  return {
    clock,
    forwarder,
    asked,
    ask: (transport = "udp", signal = never) => forwarder.forward(question, "10.0.1.5", transport, upstreams, signal),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const meaning = (answer: Buffer | Rcode): string | number => {
  if (typeof answer === "number") return answer;
  assert.equal(decode(answer).id, 4711, "the asker's own id");
  const [record] = decode(answer).answers ?? [];
  return record?.type === "A" ? record.data : `code ${answer.readUInt16BE(2) & 15}`;
};

/** Moves time on, in the steps in which sockets get their turn, until the question is answered. */
async function inTime(clock: ManualClock, answer: Promise<Buffer | Rcode>): Promise<Buffer | Rcode> {
  let over = false;
  void answer.finally(() => {
    over = true;
  });
  for (await wait(30); !over; await wait(30)) await clock.advance(500);
  return answer;
}

for (const { upstreams, want } of [
  { upstreams: ["good"], want: "192.0.2.1" },
  { upstreams: ["good", "other"], want: "192.0.2.1" },
  { upstreams: ["no such name", "good"], want: "code 3" },
  { upstreams: ["failing", "good"], want: "192.0.2.1" },
  { upstreams: ["refusing", "good"], want: "192.0.2.1" },
  { upstreams: ["nobody there", "good"], want: "192.0.2.1" },
  { upstreams: ["failing", "refusing", "other"], want: "192.0.2.2" },
  { upstreams: ["nobody there", "nobody there", "nobody there", "good"], want: RCODE.failed },
  { upstreams: ["failing", "refusing"], want: RCODE.failed },
  { upstreams: ["refusing"], want: RCODE.refused },
  { upstreams: [], want: RCODE.refused },
]) {
  for (const transport of ["udp", "tcp"] as const) {
    test(`over ${transport}, [${upstreams.join(", ")}] give ${want} at once`, async () => {
      await using given = await setting(upstreams);
      assert.equal(meaning(await given.ask(transport)), want);
      assert.equal(given.forwarder.underway, 0);
      assert.ok(given.asked.flat().every((each) => each === `${transport} A www.example`));
    });
  }
}

for (const { upstreams, want } of [
  { upstreams: ["silent", "good"], want: "192.0.2.1" },
  { upstreams: ["silent", "silent", "good"], want: "192.0.2.1" },
  { upstreams: ["nonsense", "good"], want: "192.0.2.1" },
  { upstreams: ["wrong id", "good"], want: "192.0.2.1" },
  { upstreams: ["forger", "good"], want: "192.0.2.1" },
  { upstreams: ["silent", "failing"], want: RCODE.failed },
  { upstreams: ["forger"], want: RCODE.failed },
]) {
  test(`[${upstreams.join(", ")}] give ${want} in the time that there is`, async () => {
    await using given = await setting(upstreams);
    const start = given.clock.now();
    assert.equal(meaning(await inTime(given.clock, given.ask())), want);
    assert.ok(given.clock.now() - start <= FORWARD_TIMEOUT_MS);
    assert.equal(given.forwarder.underway, 0);
    assert.equal(given.clock.sleepers, 0);
  });
}

test("a lost datagram is sent again", async () => {
  await using given = await setting([]);
  let count = 0;
  await using upstream = await startUpstream(loopback(1), PORT, (message) =>
    ++count < 3 ? undefined : upstreamAnswer(message, ["192.0.2.1"]),
  );
  const question = readQuestion(questionFor("www.example"));
  assert.ok(typeof question === "object");
  const upstreams = [{ address: loopback(1), port: PORT }];
  const answer = given.forwarder.forward(question, "10.0.1.5", "udp", upstreams, never);
  assert.equal(meaning(await inTime(given.clock, answer)), "192.0.2.1");
  assert.equal(upstream.asked.length, 3);
});

test("the next upstream is not asked before the first has had its time", async () => {
  await using given = await setting(["silent", "good"]);
  const answer = given.ask();
  await wait(50);
  await given.clock.advance(NEXT_UPSTREAM_MS - 1);
  await wait(50);
  assert.deepEqual(given.asked, [["udp A www.example"], []]);
  assert.equal(meaning(await inTime(given.clock, answer)), "192.0.2.1");
});

test("an abort ends what waits", async () => {
  await using given = await setting(["silent"]);
  const stop = new AbortController();
  const answers = [given.ask("udp", stop.signal), given.ask("tcp", stop.signal)];
  await wait(20);
  const reason = new Error("stopped");
  stop.abort(reason);
  for (const answer of answers) await assert.rejects(answer, reason);
  assert.equal(given.forwarder.underway, 0);
  assert.equal(given.clock.sleepers, 0);
});

test("one source cannot take all the room, and the room is bounded", async () => {
  await using given = await setting(["silent"]);
  const stop = new AbortController();
  const question = readQuestion(questionFor("www.example"));
  assert.ok(typeof question === "object");
  const upstreams = [{ address: loopback(1), port: PORT }];
  const refused: string[] = [];
  const asking: Promise<unknown>[] = [];
  const ask = (source: string, times: number) => {
    for (let time = 0; time < times; time++) {
      const answer = given.forwarder.forward(question, source, "udp", upstreams, stop.signal);
      asking.push(
        answer.then(
          (code) => refused.push(`${source} ${meaning(code)}`),
          () => undefined,
        ),
      );
    }
  };
  ask("flood", MAX_FORWARDED_PER_SOURCE + 2);
  assert.equal(given.forwarder.underway, MAX_FORWARDED_PER_SOURCE);
  for (let source = 1; source < MAX_FORWARDED / MAX_FORWARDED_PER_SOURCE; source++) {
    ask(`source ${source}`, MAX_FORWARDED_PER_SOURCE);
  }
  ask("late", 1);
  assert.equal(given.forwarder.underway, MAX_FORWARDED);
  await wait(10);
  assert.deepEqual(refused, ["flood 5", "flood 5", "late 5"]);
  stop.abort(new Error("stopped"));
  await Promise.all(asking);
  assert.equal(given.forwarder.underway, 0);
});
