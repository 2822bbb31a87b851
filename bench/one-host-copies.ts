import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { Figure } from "./figure.ts";
import { create, type Hosts, onHost, type Place, remove, type Sizes, SLEEPER, start } from "./single-containers.ts";
import { best, milliseconds } from "./statistics.ts";

const BLOCK = 512;
const PIECE = Buffer.alloc(1 << 20);
/** The part of an engine's own speed that is asked for is 0.8. */
const SLOWER = 1 / 0.8;

/** Copies a large file into a container and out of it, in turns through the manager and at the engine. */
export async function measureCopies(
  { manager, managerSocket, near, far }: Hosts,
  { bytes, copies }: Sizes,
  signal: AbortSignal,
): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const [where, place] of [
    ["the manager's host", near],
    ["another host", far],
  ] as const) {
    const id = await create(manager, { ...SLEEPER, Env: onHost(place.name) }, signal);
    await start(manager, id, signal);
    for (const [way, copy] of [
      ["into", copyIn],
      ["out of", copyOut],
    ] as const) {
      const times = { ours: [] as number[], theirs: [] as number[] };
      for (let turn = 0; turn < copies; turn++) {
        times.theirs.push(await milliseconds(() => copy(place.socket, id, bytes)));
        times.ours.push(await milliseconds(() => copy(managerSocket, id, bytes)));
      }
      figures.push({
        name: `copy ${(bytes / 1e9).toLocaleString("en")} GB ${way} a container on ${where}`,
        unit: "s",
        ours: best(times.ours) / 1_000,
        baseline: { name: "engine", value: best(times.theirs) / 1_000 },
        target: { ratio: SLOWER },
      });
    }
    await remove(manager, id, signal);
  }
  return figures;
}

type Copy = (socketPath: Place["socket"], id: string, bytes: number) => Promise<void>;

const copyIn: Copy = async (socketPath, id, bytes) => {
  const path = `/containers/${id}/archive?path=/`;
  const headers = { "Content-Type": "application/x-tar" };
  const outgoing = request({ socketPath, method: "PUT", path, headers, agent: false });
  Readable.from(archive(bytes)).pipe(outgoing);
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  const said = await text(answer);
  if (answer.statusCode !== 200) throw new Error(`the copy was refused: ${said}`);
};

const copyOut: Copy = async (socketPath, id, bytes) => {
  const outgoing = request({ socketPath, path: `/containers/${id}/archive?path=/large`, agent: false });
  outgoing.end();
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  let read = 0;
  for await (const chunk of answer) read += (chunk as Buffer).length;
  if (read < bytes) throw new Error(`${read} of ${bytes} bytes were copied`);
};

/** An archive with one file of zeros. */
function* archive(bytes: number): Generator<Buffer> {
  const head = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  for (const [at, value] of [
    [0, "large"],
    [100, octal(0o644, 7)],
    [108, octal(0, 7)],
    [116, octal(0, 7)],
    [124, octal(bytes, 11)],
    [136, octal(0, 11)],
    [148, " ".repeat(8)],
    [156, "0"],
    [257, "ustar\x0000"],
  ] as const) {
    head.write(value, at);
  }
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${octal(sum, 6)} `, 148);
  yield head;
  const padded = Math.ceil(bytes / BLOCK) * BLOCK + 2 * BLOCK;
  for (let left = padded; left > 0; left -= PIECE.length) yield PIECE.subarray(0, left);
}
