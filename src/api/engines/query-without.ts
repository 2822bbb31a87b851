import type { Call } from "#api/call.ts";
import type { Filters } from "#api/filters.ts";

/** The client's query with its question mark, or "": without filters that no single engine can answer. */
export function queryWithout(call: Call, filters: Filters, own: readonly string[]): string {
  const query = new URLSearchParams(call.query);
  if (query.has("filters")) query.set("filters", filters.without(own));
  return query.size > 0 ? `?${query.toString()}` : "";
}
