import assert from "node:assert/strict";
import { test } from "node:test";
import { lastWordsOf } from "./last-words.ts";

const frame = (stream: number, text: string): Buffer => {
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(text.length, 4);
  return Buffer.concat([header, Buffer.from(text)]);
};

function said(path: string, ...sent: readonly Buffer[]): string | undefined {
  const words = lastWordsOf(`/v1.45${path}?follow=1`);
  for (const piece of sent) words?.see(piece);
  return words?.say("lost")?.toString("latin1");
}

const LOGS = "/containers/web/logs";
const FRAME = frame(3, "lost").toString("latin1");
const LINE = '{"errorDetail":{"message":"lost"},"error":"lost"}\r\n';

for (const { name, path, sent, want } of [
  { name: "frames, between two", path: LOGS, sent: [frame(1, "a\n"), frame(2, "")], want: FRAME },
  { name: "frames in pieces", path: LOGS, sent: [...frame(1, "abc")].map((byte) => Buffer.from([byte])), want: FRAME },
  { name: "two frames in one piece", path: LOGS, sent: [Buffer.concat([frame(0, "a"), frame(2, "b")])], want: FRAME },
  { name: "a frame that is cut", path: LOGS, sent: [frame(1, "abc").subarray(0, 10)], want: undefined },
  { name: "a header that is cut", path: LOGS, sent: [frame(1, "abc").subarray(0, 5)], want: undefined },
  { name: "no frame at all, which may be a terminal's", path: LOGS, sent: [], want: undefined },
  { name: "a terminal's output", path: LOGS, sent: [Buffer.from("hello, world\n")], want: undefined },
  { name: "a program's output", path: "/exec/e1/start", sent: [frame(1, "a")], want: FRAME },
  { name: "lines", path: "/build", sent: [Buffer.from('{"stream":"a"}\n')], want: LINE },
  { name: "no line yet", path: "/images/create", sent: [], want: LINE },
  { name: "a line that is cut", path: "/images/a/b/push", sent: [Buffer.from('{"stre')], want: undefined },
  { name: "a wait", path: "/containers/web/wait", sent: [], want: "lost\n" },
  { name: "a wait that is over", path: "/containers/web/wait", sent: [Buffer.from("{")], want: undefined },
  { name: "an archive", path: "/containers/web/archive", sent: [], want: undefined },
]) {
  test(`last words after ${name}`, () => assert.equal(said(path, ...sent), want));
}
