import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ContainerLogLine } from "./engine.ts";
import { parseLogs } from "./log-stream.ts";

const T1 = "2026-01-02T03:04:05.123456789Z";
const T2 = "2026-01-02T03:04:06.000000001Z";

function frame(stream: number, payload: string | Uint8Array): Buffer {
  const body = Buffer.from(payload);
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}

async function parse(chunks: readonly Uint8Array[], tty: boolean): Promise<ContainerLogLine[]> {
  const lines: ContainerLogLine[] = [];
  const source = (async function* () {
    yield* chunks;
  })();
  for await (const line of parseLogs(source, tty)) lines.push(line);
  return lines;
}

const line = (stream: "stdout" | "stderr", timestamp: string, data: string | Uint8Array, details?: string) => ({
  stream,
  timestamp,
  ...(details !== undefined && { details }),
  data: new Uint8Array(Buffer.from(data)),
});

const long = (size: number) => "x".repeat(size);

interface Row {
  readonly name: string;
  readonly tty?: boolean;
  readonly bytes: readonly (string | Uint8Array)[];
  readonly want: readonly ContainerLogLine[];
}

const ROWS: readonly Row[] = [
  { name: "nothing", bytes: [], want: [] },
  {
    name: "frames of both streams",
    bytes: [frame(1, `${T1}  a\n`), frame(2, `${T2} k=v,l=w b c\n`)],
    want: [line("stdout", T1, "a\n"), line("stderr", T2, "b c\n", "k=v,l=w")],
  },
  {
    name: "no line end at the end",
    bytes: [frame(1, `${T1}  a`)],
    want: [line("stdout", T1, "a")],
  },
  {
    name: "an empty line, an empty frame, and spaces that belong to the line",
    bytes: [frame(1, `${T1}  \n`), frame(1, ""), frame(1, `${T2}    x\n`)],
    want: [line("stdout", T1, "\n"), line("stdout", T2, "  x\n")],
  },
  {
    name: "a long line in parts",
    bytes: [frame(1, `${T1}  ${long(16_384)}`), frame(1, `${T1}  end\n`)],
    want: [line("stdout", T1, long(16_384)), line("stdout", T1, "end\n")],
  },
  {
    name: "a frame with several lines, and a line over several frames",
    bytes: [frame(1, `${T1}  a\n${T2}  b`), frame(2, `${T1}  x\n`), frame(1, "c\n")],
    want: [line("stdout", T1, "a\n"), line("stdout", T2, "b"), line("stderr", T1, "x\n"), line("stdout", T2, "c\n")],
  },
  {
    name: "binary data",
    bytes: [frame(1, Buffer.concat([Buffer.from(`${T1}  `), Buffer.from([0, 255, 1, 0, 0, 128])]))],
    want: [line("stdout", T1, Buffer.from([0, 255, 1, 0, 0, 128]))],
  },
  {
    name: "a frame larger than is held in memory",
    bytes: [frame(1, `${T1}  ${long(100_000)}\n`)],
    want: [line("stdout", T1, long(65_536 - 32)), line("stdout", T1, `${long(100_000 - 65_536 + 32)}\n`)],
  },
  {
    name: "a stream that breaks off inside a frame",
    bytes: [frame(1, `${T1}  whole\n`), frame(1, `${T1}  cut off\n`).subarray(0, 8 + 36)],
    want: [line("stdout", T1, "whole\n"), line("stdout", T1, "cut ")],
  },
  {
    name: "a time zone",
    bytes: [frame(1, "2026-01-02T03:04:05.123456789+02:00  a\n")],
    want: [line("stdout", "2026-01-02T03:04:05.123456789+02:00", "a\n")],
  },
  {
    name: "a terminal's lines",
    tty: true,
    bytes: [`${T1}  a\r\n${T2} k=v b`],
    want: [line("stdout", T1, "a\r\n"), line("stdout", T2, "b", "k=v")],
  },
  {
    name: "a terminal's long line in parts",
    tty: true,
    bytes: [`${T1}  ${long(16_384)}${T1}  ${long(16_384)}${T1}  end\r\n`],
    want: [line("stdout", T1, long(16_384)), line("stdout", T1, long(16_384)), line("stdout", T1, "end\r\n")],
  },
  {
    name: "a terminal's line of exactly one part",
    tty: true,
    bytes: [`${T1}  ${long(16_384)}\n${T2}  b\n`],
    want: [line("stdout", T1, `${long(16_384)}\n`), line("stdout", T2, "b\n")],
  },
  {
    name: "a terminal's endless line without any prefix",
    tty: true,
    bytes: [long(40_000)],
    want: [line("stdout", "", long(16_384)), line("stdout", "", long(16_384)), line("stdout", "", long(7_232))],
  },
];

for (const { name, tty = false, bytes, want } of ROWS) {
  test(`parses ${name}`, async () => {
    const all = Buffer.concat(bytes.map((part) => Buffer.from(part)));
    assert.deepEqual(await parse([all], tty), want);
    const halves = [all.subarray(0, all.length / 2), all.subarray(all.length / 2)];
    assert.deepEqual(await parse(halves, tty), want);
  });
}

test("says what kept the engine from reading on", async () => {
  const bytes = Buffer.concat([frame(1, `${T1}  a\n`), frame(3, "Error grabbing logs: disk on fire")]);
  await assert.rejects(parse([bytes], false), { code: "internal", message: "Error grabbing logs: disk on fire" });
  await assert.rejects(parse([frame(77, "x")], false), { code: "internal" });
});

const logLine = fc
  .record({
    stream: fc.constantFrom(1, 2),
    details: fc.constantFrom("", "k=v", "a=b%20c,d=e"),
    data: fc.uint8Array({ maxLength: 60 }),
    ended: fc.boolean(),
  })
  .map(({ stream, details, data, ended }) => {
    const text = Buffer.from(data.map((byte) => (byte === 0x0a ? 0 : byte)));
    return { stream, bytes: Buffer.concat([Buffer.from(`${T1} ${details} `), text, Buffer.from(ended ? "\n" : "")]) };
  });

const cut = (bytes: Buffer, sizes: readonly number[]): Buffer[] => {
  const chunks: Buffer[] = [];
  let from = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(from, from + size));
    from += size;
  }
  return [...chunks, bytes.subarray(from)];
};

for (const tty of [false, true]) {
  test(`the lines of a ${tty ? "terminal" : "framed"} log do not depend on how it is cut`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(logLine, { maxLength: 20 }), fc.array(fc.nat(50)), async (lines, sizes) => {
        const all = Buffer.concat(lines.map(({ stream, bytes }) => (tty ? bytes : frame(stream, bytes))));
        const whole = await parse([all], tty);
        assert.deepEqual(await parse(cut(all, sizes), tty), whole);
        if (tty) return;
        assert.deepEqual(
          whole.map(({ data }) => Buffer.from(data).toString("latin1")),
          lines.map(({ bytes }) => bytes.toString("latin1").replace(/^\S+ \S* /, "")),
        );
      }),
      { numRuns: 200 },
    );
  });
}
