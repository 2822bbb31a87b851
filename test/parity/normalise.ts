/**
 * Makes two runs of the same calls comparable: what differs from run to run, because it is an id, a time or a key, is
 * replaced by a word for what it is. Everything else stays.
 */

/** Turns one answer's texts into comparable ones. Ids get numbers in the order in which they are met. */
export type Normaliser = (text: string) => string;

/** Ids as the store makes them, and how many of their characters tables show. */
const OBJECT_ID = /(?<![0-9a-z])[0-9a-z]{25}(?![0-9a-z])/g;
const SHORT_ID_LENGTH = 12;
/** A short id is told from a word by its place: the first column of a table, or before the `@` in a log line. */
const SHORT_ID_COLUMN = /^[0-9a-z]{12}(?= {2,})|(?<=\.)[0-9a-z]{12}(?=@)/gm;
const CONTAINER_ID = /(?<![0-9a-f:])(?:[0-9a-f]{64}|(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{12})(?![0-9a-f])/g;

const DIGEST = /sha256:[0-9a-f]{64}/g;

const PEM = /-----BEGIN ([A-Z ]+)-----.+?-----END \1-----/gs;

/** Go's zero time is a value, not a moment. */
const ZERO_TIME = "0001-01-01";

const PATTERNS: readonly (readonly [pattern: RegExp, word: string])[] = [
  [PEM, "<PEM>"],
  [/SWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}/g, "<join token>"],
  [/MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE[A-Za-z0-9+/]+={0,2}/g, "<public key>"],
  [/SWMKEY-1-[A-Za-z0-9+/]{43}/g, "<unlock key>"],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g, "<time>"],
  [/\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \+0000 (?:UTC|utc)/g, "<time>"],
  [/\b(?:About an? (?:minute|hour)|Less than a second|\d+ (?:second|minute|hour)s?)(?: ago)?\b/gi, "<age>"],
  // But for whole pools, the lab's own addresses, and 10.9.0.0/24, which transcripts ask for.
  [/\b10\.(?!77\.|9\.0\.|8\.0\.|\d{1,3}\.0\.0\/(?:8|16)\b)(?:\d{1,3}\.){2}\d{1,3}\b/g, "<overlay address>"],
  [/\b02:42:0a(?!:09:00)(?::[0-9a-f]{2}){3}\b/g, "<overlay MAC>"],
  [/(?<=\/docker-(?:import|builder)-?)\d+\b/g, "<number>"],
  [/(?<=10\.77\.0\.\d:)\d+(?=->)/g, "<port>"],
  [/(?<=\/flotilla-lab\/\w+\/)h\d(?=\/docker\/)/g, "<host>"],
  [/\b02:42:ac(?::[0-9a-f]{2}){3}\b/g, "<container MAC>"],
  [/\b172\.(?:1[6-9]|2\d|3[01])\.\d+\.\d+\b/g, "<container address>"],
];

/** Members of JSON objects that are no texts, or have no form of their own, by the end of their path. */
const MEMBERS: readonly (readonly [path: RegExp, word: string])[] = [
  [/(?:^|\.)Version\.Index$/, "<version>"],
  [/(?:^|\.)(?:PID|Pid)$/, "<pid>"],
  [/^time$|^timeNano$|\.time$|\.timeNano$/, "<time>"],
  [/(?:^|\.)EndpointID$/, "<endpoint>"],
  [/(?:^|\.)Networks\.(?:bridge|host|none)\.NetworkID$/, "<network>"],
  [/(?:^|\.)(?:Created|LastTagTime|mtime)$/, "<time>"],
  [/(?:^|\.)Peers\.\d+\.(?:Name|IP)$/, "<peer>"],
  [/\.vxlanid_list$/, "<VNI>"],
];

/**
 * @param names captured values, and the names under which they were captured.
 * @param isFresh digests are numbered too.
 */
export function createNormaliser(names: ReadonlyMap<string, string>, isFresh = false): Normaliser {
  const known = [...names]
    .flatMap(([name, value]) => [value, ...shortId(value)].map((text) => ({ text, word: `<${name}>` })))
    .filter(({ text }) => text.length >= SHORT_ID_LENGTH)
    .toSorted((a, b) => b.text.length - a.text.length);
  const ids = new Map<string, string>();
  const number = (prefix: string) => (id: string) => {
    const word = ids.get(id) ?? `<${prefix}${ids.size + 1}>`;
    ids.set(id, word);
    return word;
  };
  return (text) => {
    let result = text;
    for (const { text: value, word } of known) result = result.replaceAll(value, word);
    for (const [pattern, word] of PATTERNS)
      result = result.replaceAll(pattern, (moment) => (moment.startsWith(ZERO_TIME) ? moment : word));
    if (isFresh) result = result.replaceAll(DIGEST, number("digest"));
    return result
      .replaceAll(OBJECT_ID, number("id"))
      .replaceAll(SHORT_ID_COLUMN, number("id"))
      .replaceAll(CONTAINER_ID, number("container"));
  };
}

/** How tables show an id: of an object, a container or an image. */
function shortId(text: string): readonly string[] {
  const [, id] = /^([0-9a-z]{25}|(?:sha256:)?[0-9a-f]{64})$/.exec(text) ?? [];
  return id === undefined ? [] : [id.replace("sha256:", "").slice(0, SHORT_ID_LENGTH)];
}

/** Normalises every text of a JSON document, names of members too. */
export function normaliseJson(document: unknown, normalise: Normaliser, path = ""): unknown {
  const word = MEMBERS.find(([pattern]) => pattern.test(path))?.[1];
  if (word !== undefined && (typeof document === "string" || typeof document === "number")) return word;
  if (typeof document === "string") return normalise(document);
  if (Array.isArray(document))
    return document.map((item, at) => normaliseJson(item, normalise, join(path, String(at))));
  if (typeof document !== "object" || document === null) return document;
  return Object.fromEntries(
    Object.entries(document).map(([key, value]) => [normalise(key), normaliseJson(value, normalise, join(path, key))]),
  );
}

const join = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`);

/** What the client prints while it waits for a service: how often depends on how long it takes. */
const PROGRESS = /^(?:overall progress|verify): |^\d+\/\d+:|^(?:<\w+>|[0-9a-z]{12,25}): |^\d+ of \d+ tasks?$/;

/** The lines of a text. A PEM block is one of them. Widths of columns depend on what is in them, so runs of spaces become two. */
export const splitLines = (text: string): readonly string[] =>
  text
    .replaceAll(PEM, "<PEM>")
    .replaceAll("\r", "")
    .split("\n")
    .map((line) => line.trimEnd().replaceAll(/(?<=\S) {2,}/g, "  "))
    .filter((line) => line !== "" && !PROGRESS.test(line));

/**
 * Puts the items of all lists in a document in an order that does not depend on ids.
 * @param names @param isFresh as for `createNormaliser`.
 */
export function sortLists(document: unknown, names: ReadonlyMap<string, string>, isFresh = false): unknown {
  const sort = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (!Array.isArray(value)) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, sort(one)]));
    return value
      .map(sort)
      .map((item) => ({ item, key: JSON.stringify(normaliseJson(item, createNormaliser(names, isFresh))) }))
      .toSorted((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)))
      .map(({ item }) => item);
  };
  return sort(document);
}
