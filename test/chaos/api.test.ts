import assert from "node:assert/strict";
import { test } from "node:test";
import { outcomeOf, type Reply } from "./api.ts";

const answer = (status: number, message = ""): Reply => ({
  type: "answer",
  status,
  body: { message },
  mayBeOld: false,
});

for (const { name, reply, want } of [
  { name: "a success", reply: answer(201), want: "done" },
  { name: "an object that is there already", reply: answer(409, "exists"), want: "refused" },
  { name: "an old version", reply: answer(500, "rpc error: desc = update out of sequence"), want: "refused" },
  { name: "a manager without contact", reply: answer(503, "does not have a leader"), want: "unknown" },
  { name: "an error", reply: answer(500, "internal"), want: "unknown" },
  { name: "no daemon", reply: { type: "unsent", reason: "ECONNREFUSED" }, want: "refused" },
  { name: "a broken connection", reply: { type: "lost", reason: "ECONNRESET" }, want: "unknown" },
] as const) {
  test(`${name}: ${want}`, () => assert.equal(outcomeOf(reply), want));
}
