/** More are a slip of the finger. */
const MOST_ADDRESSES = 10_000;

/**
 * The addresses that an item of a list stands for: `10.0.0.[1:20]:2375` are twenty, and `h1:2375` is itself. What is in
 * brackets and no range of numbers is left as it is. Source: fact sheet classic-swarm 3.
 */
export function expandRange(item: string): readonly string[] {
  const [range, from, to] = /\[([0-9]{1,9}):([0-9]{1,9})\]/.exec(item) ?? [];
  if (range === undefined) return [item];
  const first = Number(from);
  const count = Math.max(0, Math.min(Number(to) - first + 1, MOST_ADDRESSES));
  return Array.from({ length: count }, (_, index) => item.replace(range, String(first + index)));
}
