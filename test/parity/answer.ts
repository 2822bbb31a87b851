import { isArchive, listArchive } from "./archive-listing.ts";
import { createNormaliser, normaliseJson, sortLists, splitLines } from "./normalise.ts";
import type { Step } from "./transcript.ts";

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

/** What `docker cp` reads about a path in a container: JSON in base64. */
const PATH_STAT = "x-docker-container-path-stat";

/** The headers of an answer that clients look at. */
const HEADERS = [
  "api-version",
  "builder-version",
  "cache-control",
  "content-type",
  "docker-experimental",
  "location",
  "ostype",
  "pragma",
  "server",
  "swarm",
  "upgrade",
  "warning",
  PATH_STAT,
];

/** How the items of an answer are to be compared. */
type Comparison = Pick<Step, "unordered" | "measured" | "fresh">;

/** @param names captured values, see `createNormaliser`. */
export async function renderAnswer(
  answer: Answer,
  { unordered = false, measured = false, fresh = false }: Comparison,
  names: ReadonlyMap<string, string>,
): Promise<unknown> {
  const normalise = createNormaliser(names, fresh);
  const items = (document: unknown) => (unordered ? sortLists(document, names, fresh) : document);
  const weigh = (document: unknown) => (measured ? withoutNumbers(document) : document);
  const plain = (document: unknown) => weigh(normaliseJson(items(document), normalise));
  if (answer.kind === "cli")
    return { code: answer.code, stdout: plain(parseOutput(answer.stdout)), stderr: plain(splitLines(answer.stderr)) };
  const { status, headers, body } = answer;
  const shown = Object.fromEntries(HEADERS.flatMap((name) => (name in headers ? [[name, headers[name]]] : [])));
  return {
    status,
    headers: plain({ ...shown, ...(PATH_STAT in headers && { [PATH_STAT]: decodeStat(String(headers[PATH_STAT])) }) }),
    body: plain(isArchive(body) ? await listArchive(body) : parseBody(body)),
  };
}

const decodeStat = (header: string): unknown => parseJson(Buffer.from(header, "base64").toString("utf8"));

function withoutNumbers(document: unknown): unknown {
  if (typeof document === "number") return "<number>";
  if (typeof document === "string") return document.replaceAll(/\b\d+(?:[.:]\d+)*\b/g, "<number>");
  if (Array.isArray(document)) return document.map(withoutNumbers);
  if (typeof document !== "object" || document === null) return document;
  return Object.fromEntries(Object.entries(document).map(([key, value]) => [key, withoutNumbers(value)]));
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
