import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkRegister, type RegisterCall, renderCall } from "./linearizability.ts";

const NEVER = Number.POSITIVE_INFINITY;

const read = (begin: number, end: number, value: string): RegisterCall => ({
  client: "r",
  begin,
  end,
  call: { type: "read", value },
});
const write = (begin: number, end: number, value: string): RegisterCall => ({
  client: "w",
  begin,
  end,
  call: { type: "write", value },
});
const exchange = (begin: number, end: number, from: string, to: string): RegisterCall => ({
  client: "x",
  begin,
  end,
  call: { type: "exchange", from, to },
});

for (const { name, calls, ok } of [
  { name: "no calls", calls: [], ok: true },
  { name: "a read of the first value", calls: [read(0, 1, "0")], ok: true },
  { name: "a read of what nobody wrote", calls: [read(0, 1, "7")], ok: false },
  { name: "a read after a write", calls: [write(0, 1, "a"), read(2, 3, "a")], ok: true },
  { name: "a stale read", calls: [write(0, 1, "a"), read(2, 3, "0")], ok: false },
  {
    name: "a read during a write, of either value",
    calls: [write(0, 9, "a"), read(1, 2, "0"), read(3, 4, "a")],
    ok: true,
  },
  {
    name: "reads that see a write and then not",
    calls: [write(0, 9, "a"), read(1, 2, "a"), read(3, 4, "0")],
    ok: false,
  },
  {
    name: "a write of unknown outcome that is seen later",
    calls: [write(0, NEVER, "a"), read(5, 6, "0"), read(8, 9, "a")],
    ok: true,
  },
  { name: "a write of unknown outcome that is never seen", calls: [write(0, NEVER, "a"), read(5, 6, "0")], ok: true },
  { name: "a write that is seen before it began", calls: [read(0, 1, "a"), write(2, NEVER, "a")], ok: false },
  { name: "two exchanges of one value", calls: [exchange(0, 5, "0", "a"), exchange(0, 5, "0", "b")], ok: false },
  { name: "exchanges one after the other", calls: [exchange(0, 5, "0", "a"), exchange(0, 5, "a", "b")], ok: true },
  {
    name: "an exchange of a value that was overwritten",
    calls: [exchange(0, 1, "0", "a"), exchange(2, 3, "0", "b")],
    ok: false,
  },
  {
    name: "an exchange of unknown outcome between two others",
    calls: [exchange(0, NEVER, "0", "a"), exchange(1, 9, "a", "b"), read(10, 11, "b")],
    ok: true,
  },
  { name: "a lost update", calls: [exchange(0, 1, "0", "a"), exchange(2, 3, "a", "b"), read(4, 5, "a")], ok: false },
]) {
  test(`${name}: ${ok ? "possible" : "impossible"}`, () => {
    const verdict = checkRegister("0", calls);
    assert.equal(verdict.ok, ok, verdict.order.map(renderCall).join("\n"));
  });
}

test("what is impossible is shown", () => {
  const calls = [write(0, 1, "a"), read(2, 3, "0")];
  const verdict = checkRegister("0", calls);
  assert.ok(!verdict.ok);
  assert.deepEqual(verdict.order.map(renderCall), ["0-1 w wrote a"]);
  assert.deepEqual(verdict.stuck.map(renderCall), ["2-3 r read 0"]);
});

/** Tries every order: slow, and plainly right. */
function isPossible(value: string, left: readonly RegisterCall[]): boolean {
  if (left.every(({ end }) => end === NEVER)) return true;
  const firstEnd = Math.min(...left.map(({ end }) => end));
  return left.some((candidate, index) => {
    const { call } = candidate;
    const fits = call.type === "write" || (call.type === "read" ? call.value : call.from) === value;
    if (candidate.begin > firstEnd || !fits) return false;
    const after = call.type === "read" ? value : call.type === "write" ? call.value : call.to;
    return isPossible(after, left.toSpliced(index, 1));
  });
}

test("any short history is judged as by trying every order", () => {
  const value = fc.constantFrom("0", "a", "b");
  const aCall = fc.oneof(
    fc.record({ type: fc.constant("read" as const), value }),
    fc.record({ type: fc.constant("write" as const), value }),
    fc.record({ type: fc.constant("exchange" as const), from: value, to: value }),
  );
  const timed = fc
    .tuple(aCall, fc.nat(20), fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 8 }) }, fc.constant(NEVER)))
    .map(([call, begin, length]): RegisterCall => ({ client: "c", begin, end: begin + length, call }));
  const relevant = (calls: readonly RegisterCall[]) =>
    calls.filter(({ call, end }) => call.type !== "read" || end !== NEVER);
  fc.assert(
    fc.property(fc.array(timed, { maxLength: 6 }), (calls) => {
      assert.equal(checkRegister("0", calls).ok, isPossible("0", relevant(calls)));
    }),
    { numRuns: 3_000 },
  );
});

test("a long history of a real register is possible, and no longer when one read is stale", () => {
  const history = fc
    .array(fc.tuple(fc.nat(2), fc.nat(5), fc.nat(5), fc.nat(9)), { minLength: 20, maxLength: 300 })
    .map((moves) => {
      let now = 0;
      let value = "0";
      const calls: RegisterCall[] = [];
      for (const [index, [kind, before, after, unknown]] of moves.entries()) {
        now += 1;
        const [begin, end] = [now - before, now + after];
        const next = `v${index}`;
        if (kind === 0) calls.push(read(begin, end, value));
        else if (unknown === 0)
          calls.push(exchange(begin, NEVER, value, next)); // had no effect
        else {
          calls.push(exchange(begin, unknown === 1 ? NEVER : end, value, next));
          value = next;
        }
      }
      return { calls, now };
    });
  fc.assert(
    fc.property(history, ({ calls, now }) => {
      assert.ok(checkRegister("0", calls).ok);
      const taken = calls.find(({ call, end }) => call.type === "exchange" && end < now);
      if (taken?.call.type !== "exchange") return;
      assert.ok(!checkRegister("0", [...calls, read(now + 20, now + 21, taken.call.from)]).ok);
    }),
    { numRuns: 100 },
  );
});
