/** Whether two JSON documents say the same. The order of members does not matter; an undefined member is an absent one. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && sameItems(a, b);
  return sameMembers(new Map(Object.entries(a)), new Map(Object.entries(b)));
}

const sameItems = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((item, index) => sameJson(item, b[index]));

function sameMembers(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  for (const [name, value] of a) if (!sameJson(value, b.get(name))) return false;
  for (const [name, value] of b) if (value !== undefined && !a.has(name)) return false;
  return true;
}
