import type { IncomingMessage } from "node:http";

/** Heads of HTTP messages as they are on the wire, for bodies that pass untouched. */

export const HEAD_END = "\r\n\r\n";

/** More than the head of an engine's answer ever has, in bytes. */
export const MAX_ANSWER_HEAD_BYTES = 64 * 1024;

/** @param headers names and values in turns, as of `IncomingMessage.rawHeaders`. */
export function renderHead({ method }: IncomingMessage, target: string, headers: readonly string[]): string {
  const lines = [`${method} ${target} HTTP/1.1`];
  for (let at = 0; at + 1 < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  return lines.join("\r\n") + HEAD_END;
}

/** The beginning of an answer, as the last one on its connection. @param headEnd where its head ends. */
export function closing(beginning: Buffer, headEnd: number): Buffer {
  const head = beginning.subarray(0, headEnd).toString("latin1");
  const lines = head.split("\r\n").filter((line) => !/^(?:connection|keep-alive):/i.test(line));
  return Buffer.concat([
    Buffer.from([...lines, "Connection: close"].join("\r\n"), "latin1"),
    beginning.subarray(headEnd),
  ]);
}
