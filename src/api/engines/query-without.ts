import type { Filters } from "#api/filters.ts";

/** A query with its question mark, or "": without filters that no single engine can answer. */
export function queryWithout(asked: URLSearchParams, filters: Filters, own: readonly string[]): string {
  const query = new URLSearchParams(asked);
  if (query.has("filters")) query.set("filters", filters.without(own));
  return query.size > 0 ? `?${query.toString()}` : "";
}
