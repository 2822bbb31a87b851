/** What the engine writes before a log message when asked for timestamps and details. */
export interface LogPrefix {
  readonly timestamp: string;
  readonly details?: string;
  /** Bytes of the whole prefix. */
  readonly size: number;
}

const SPACE = 0x20;
/** RFC 3339 with nine digits and a time zone: `2006-01-02T15:04:05.000000000Z`, or `+07:00` for the last letter. */
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(?:Z|[-+]\d\d:\d\d)$/;
/** Its longest form, with the space behind it. */
const MAX_TIMESTAMP_BYTES = 36;

/** The timestamp that `bytes` begin with, when a space follows it. */
function parseTimestamp(bytes: Uint8Array): string | undefined {
  const end = bytes.subarray(0, MAX_TIMESTAMP_BYTES).indexOf(SPACE);
  if (end < 0) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, end).toString("latin1");
  return TIMESTAMP.test(text) ? text : undefined;
}

/** The prefix at the beginning of `bytes`: `timestamp SP details SP`, the details escaped and often empty. */
export function parseLogPrefix(bytes: Uint8Array): LogPrefix | undefined {
  const timestamp = parseTimestamp(bytes);
  if (timestamp === undefined) return undefined;
  const start = timestamp.length + 1;
  const end = bytes.indexOf(SPACE, start);
  if (end < 0) return { timestamp, size: start };
  const details = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8");
  return { timestamp, ...(details !== "" && { details }), size: end + 1 };
}
