import { createNormaliser, normaliseJson, sortItems, splitLines } from "./normalise.ts";

/** What came back from one call, as it was. */
export type Answer =
  | { readonly kind: "cli"; readonly code: number; readonly stdout: string; readonly stderr: string }
  | {
      readonly kind: "api";
      readonly status: number;
      readonly headers: Readonly<Record<string, unknown>>;
      readonly body: Buffer;
    };

/** One call of a transcript and its answer, made comparable. */
export interface Entry {
  readonly transcript: string;
  readonly step: string;
  /** Any JSON. */
  readonly answer: unknown;
}

/** The headers of an answer that clients look at. */
const HEADERS = ["content-type", "api-version", "docker-experimental", "ostype", "server", "swarm"];

/** @param names captured values, see `createNormaliser`. */
export function renderAnswer(answer: Answer, isUnordered: boolean, names: ReadonlyMap<string, string>): unknown {
  const normalise = createNormaliser(names);
  const items = (document: unknown) => (isUnordered && Array.isArray(document) ? sortItems(document, names) : document);
  const plain = (document: unknown) => normaliseJson(items(document), normalise);
  if (answer.kind === "cli")
    return { code: answer.code, stdout: plain(parseOutput(answer.stdout)), stderr: plain(splitLines(answer.stderr)) };
  const headers = Object.fromEntries(
    HEADERS.flatMap((name) => (name in answer.headers ? [[name, answer.headers[name]]] : [])),
  );
  return {
    status: answer.status,
    headers: plain(headers),
    body: plain(parseBody(answer.body)),
  };
}

/** JSON where it is JSON, else lines. */
const parseOutput = (text: string): unknown => parseJson(text) ?? parseJsonLines(text) ?? splitLines(text);

/** Logs of containers without a terminal come in frames; no text begins with a frame's head. */
export const parseBody = (body: Buffer): unknown =>
  (body[0] ?? 255) <= LAST_STREAM ? splitFrames(body) : parseOutput(body.toString("utf8"));

function parseJsonLines(text: string): unknown {
  const documents = text.trim().split("\n").map(parseJson);
  return documents.includes(undefined) ? undefined : documents;
}

/** Undefined for what is no JSON array or object. */
export function parseJson(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A frame is a byte for the stream, three zeros and the length of its text. Source: fact sheet 10.7. */
const FRAME_HEAD_BYTES = 8;
const LAST_STREAM = 3;

/** Frames as `stream: text`. */
function splitFrames(body: Buffer): readonly string[] {
  const lines: string[] = [];
  for (let at = 0; at < body.length; ) {
    const end = at + FRAME_HEAD_BYTES + body.readUInt32BE(at + 4);
    lines.push(
      `${body[at]}: ${body
        .subarray(at + FRAME_HEAD_BYTES, end)
        .toString("utf8")
        .trimEnd()}`,
    );
    at = end;
  }
  return lines;
}
