import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, decode, encode } from "dns-packet";
import fc from "fast-check";
import {
  encodeFailure,
  encodeReply,
  isAnswerTo,
  isDnsName,
  type Question,
  RCODE,
  rcodeOf,
  readQuestion,
  withId,
} from "./message.ts";
import { questionFor } from "./testing.ts";

const opt = (udpPayloadSize: number): Answer => ({
  type: "OPT",
  name: ".",
  udpPayloadSize,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
});

function read(packet: Buffer): Question {
  const question = readQuestion(packet);
  assert.ok(typeof question === "object");
  return question;
}

/** A header with these counts, and what follows it. */
const raw = (counts: readonly number[], ...rest: readonly number[]): Buffer =>
  Buffer.from([0, 1, 1, 0, ...counts.flatMap((count) => [count >> 8, count & 255]), ...rest]);

test("a question is read as it was asked", () => {
  const question = read(questionFor("Web.App", "AAAA"));
  assert.deepEqual(
    { name: question.name, type: question.type, class: question.class, udpBytes: question.udpBytes },
    { name: "Web.App", type: "AAAA", class: "IN", udpBytes: undefined },
  );
  assert.equal(question.endBytes, question.packet.length);
});

for (const { said, taken } of [
  { said: 100, taken: 512 },
  { said: 1232, taken: 1232 },
  { said: 65_535, taken: 4096 },
]) {
  test(`one who says it takes ${said} bytes gets ${taken}`, () => {
    assert.equal(read(questionFor("web", "A", { additionals: [opt(said)] })).udpBytes, taken);
  });
}

const WEB = [3, 0x77, 0x65, 0x62, 0];
const A_IN = [0, 1, 0, 1];

for (const { what, packet, want } of [
  { what: "nothing", packet: Buffer.alloc(0), want: undefined },
  { what: "a fragment of a header", packet: Buffer.alloc(11), want: undefined },
  { what: "an answer", packet: encode({ type: "response", questions: [{ type: "A", name: "web" }] }), want: undefined },
  { what: "an update", packet: Buffer.from([0, 1, 0x28, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...WEB, ...A_IN]), want: 4 },
  { what: "no question", packet: raw([0, 0, 0, 0]), want: 1 },
  { what: "two questions", packet: raw([2, 0, 0, 0], ...WEB, ...A_IN, ...WEB, ...A_IN), want: 1 },
  { what: "a question with an answer", packet: raw([1, 1, 0, 0], ...WEB, ...A_IN), want: 1 },
  { what: "a question with three records more", packet: raw([1, 0, 0, 3], ...WEB, ...A_IN), want: 1 },
  { what: "a question that points to itself", packet: raw([1, 0, 0, 0], 0xc0, 12, ...A_IN), want: 1 },
  { what: "a question that points into the header", packet: raw([1, 0, 0, 0], 0xc0, 2, ...A_IN), want: 1 },
  { what: "a name without an end", packet: raw([1, 0, 0, 0], 3, 0x77, 0x65), want: 1 },
  { what: "a name without a type", packet: raw([1, 0, 0, 0], ...WEB), want: 1 },
  { what: "a record that is not there", packet: raw([1, 0, 0, 1], ...WEB, ...A_IN), want: 1 },
  { what: "a transfer of a zone", packet: questionFor("web", "AXFR"), want: 4 },
  { what: "too long", packet: Buffer.concat([questionFor("web"), Buffer.alloc(4096)]), want: 1 },
]) {
  test(`${what} is no question`, () => assert.equal(readQuestion(packet), want));
}

const addresses = (count: number): Answer[] =>
  Array.from({ length: count }, (_, index) => ({
    type: "A",
    name: "web",
    ttl: 1,
    data: `10.0.${index >> 8}.${index & 255}`,
  }));
const reply = (answers: Answer[], additionals: Answer[] = []) => ({ rcode: RCODE.ok, answers, additionals });

test("an answer repeats the question byte for byte, and what the asker wished", () => {
  const packet = questionFor("wEb", "A", { flags: 0x0110 });
  const answer = encodeReply(read(packet), reply(addresses(1)), 512);
  assert.deepEqual(answer.subarray(12, packet.length), packet.subarray(12));
  assert.equal(answer.readUInt16BE(2), 0x8190);
  assert.deepEqual(
    decode(answer).answers?.map(({ name }) => name),
    ["wEb"],
  );
});

test("29 addresses fit into the smallest datagram; with the 32nd an answer is marked as cut", () => {
  const question = read(questionFor("web"));
  const whole = decode(encodeReply(question, reply(addresses(29)), 512));
  assert.deepEqual([whole.answers?.length, whole.flag_tc], [29, false]);
  const cut = encodeReply(question, reply(addresses(32)), 512);
  assert.ok(cut.length <= 512);
  assert.deepEqual([decode(cut).answers?.length, decode(cut).flag_tc], [30, true]);
});

test("a thousand addresses fit into one answer over TCP", () => {
  const answer = decode(encodeReply(read(questionFor("web")), reply(addresses(1_000)), 65_535));
  assert.deepEqual([answer.answers?.length, answer.flag_tc], [1_000, false]);
});

test("one who speaks EDNS is answered in EDNS", () => {
  const question = read(questionFor("web", "A", { additionals: [opt(1232)] }));
  const answer = decode(encodeReply(question, reply(addresses(60)), question.udpBytes ?? 0));
  assert.deepEqual([answer.answers?.length, answer.flag_tc], [60, false]);
  assert.deepEqual(
    answer.additionals?.map(({ type }) => type),
    ["OPT"],
  );
});

test("what is only helpful is left out when there is no room, and that is no cut", () => {
  const question = read(questionFor("web"));
  const answer = decode(encodeReply(question, reply(addresses(28), addresses(5)), 512));
  assert.deepEqual([answer.answers?.length, answer.additionals?.length, answer.flag_tc], [28, 0, false]);
});

test("a failure has the id, and no records", () => {
  const failure = decode(encodeFailure(raw([7, 7, 7, 7]), RCODE.malformed));
  assert.deepEqual([failure.id, failure.questions, failure.answers], [1, [], []]);
  assert.equal(rcodeOf(encodeFailure(questionFor("web"), RCODE.notImplemented)), 4);
});

test("an answer is recognised by its id and its question, in any case", () => {
  const packet = questionFor("web.example");
  const question = read(packet);
  const answer = encodeReply(question, reply(addresses(1)), 512);
  assert.equal(isAnswerTo(question, 4711, answer), true);
  const loud = Buffer.concat([
    answer.subarray(0, 12),
    Buffer.from(answer.toString("latin1", 12).toUpperCase(), "latin1"),
  ]);
  assert.equal(isAnswerTo(question, 4711, loud), true);
  assert.equal(isAnswerTo(question, 4712, answer), false);
  assert.equal(isAnswerTo(question, 4712, withId(answer, 4712)), true);
  assert.equal(isAnswerTo(question, 4711, packet), false, "the question itself");
  assert.equal(isAnswerTo(read(questionFor("web.exampla")), 4711, answer), false);
  assert.equal(isAnswerTo(question, 4711, answer.subarray(0, 12)), false);
});

for (const { name, want } of [
  { name: "web.1.abc.app", want: true },
  { name: `${"a".repeat(63)}.app`, want: true },
  { name: `${"a".repeat(64)}.app`, want: false },
  { name: Array(64).fill("abc").join("."), want: false },
  { name: "a..b", want: false },
  { name: "", want: false },
]) {
  test(`${name.slice(0, 20)} (${name.length}) ${want ? "can" : "cannot"} stand in a message`, () => {
    assert.equal(isDnsName(name), want);
  });
}

test("nothing that arrives makes it throw", () => {
  const mutated = fc
    .tuple(fc.domain(), fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 12 }), fc.nat(600))
    .map(([name, changes, length]) => {
      const packet = questionFor(name, "A", { additionals: [opt(4096)] });
      for (const [offset, byte] of changes) if (offset < packet.length) packet[offset] = byte;
      return packet.subarray(0, Math.max(12, length));
    });
  const bytes = fc.uint8Array({ maxLength: 600 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(fc.oneof(mutated, bytes), (packet) => {
      const question = readQuestion(packet);
      if (question === undefined) return;
      if (typeof question === "number") encodeFailure(packet, question);
      else encodeReply(question, reply(addresses(3), addresses(1)), 512);
    }),
    { numRuns: 2_000 },
  );
});
