import type { Duplex } from "node:stream";
import { flow } from "./flow.ts";

/**
 * Joins two connections: what one receives the other sends, with back-pressure. Each direction ends by itself (both must
 * allow a half-open state); an error of one, or its sudden end, ends both. Resolves when both are closed.
 */
export async function splice(left: Duplex, right: Duplex): Promise<void> {
  const destroy = () => {
    left.destroy();
    right.destroy();
  };
  for (const end of [left, right]) {
    end.on("error", destroy);
    if (end.destroyed) destroy();
  }
  left.once("close", () => finish(right));
  right.once("close", () => finish(left));
  flow(left, right);
  flow(right, left);
  await Promise.all([closed(left), closed(right)]);
}

/** One end is gone: the other may still send what it was given, unless it has more to say to nobody. */
function finish(rest: Duplex): void {
  if (!rest.readableEnded || !rest.writableEnded) rest.destroy();
}

/** Resolves when a stream is closed, however that came about. */
export function closed(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) resolve();
    else stream.once("close", () => resolve());
  });
}
