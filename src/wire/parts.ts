import { PART_BYTES } from "./limits.ts";

/**
 * Groups items into parts of about `PART_BYTES`, in order; a single larger item is a part of its own. There is always
 * at least one part, be it empty.
 */
export function* splitParts<T>(items: Iterable<T>, sizeOf: (item: T) => number): Generator<T[]> {
  let part: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = sizeOf(item);
    if (part.length > 0 && bytes + size > PART_BYTES) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(item);
    bytes += size;
  }
  yield part;
}
