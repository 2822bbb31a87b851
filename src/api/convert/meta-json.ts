import type { Meta, Timestamp } from "#model/objects.ts";

/** Any part of an answer: what `JSON.stringify` makes Docker's JSON of. Fields that are undefined are left out. */
export type Json = Readonly<Record<string, unknown>>;

/** RFC 3339 in UTC without trailing zeros, as Go prints times. */
export const rfc3339 = (time: Timestamp): string => new Date(time).toISOString().replace(/\.?0+Z$/, "Z");

/** The head of every object: its id, version and times. */
export const metaJson = (object: Meta & { readonly id: string }): Json => ({
  ID: object.id,
  Version: { Index: object.version === 0 ? undefined : object.version },
  CreatedAt: rfc3339(object.createdAt),
  UpdatedAt: rfc3339(object.updatedAt),
});

/** What Go's `omitempty` keeps: neither "", 0, false nor an empty list or map. */
export function unlessEmpty<T>(value: T | undefined): T | undefined {
  if (!value) return undefined;
  return typeof value === "object" && Object.keys(value).length === 0 ? undefined : value;
}
