/**
 * Versions of the Engine API, as clients write them: "1.41". What the daemon advertises is its engine's own version,
 * at most `MAX_API_VERSION`: calls that are passed through then never carry fields that the engine does not know.
 */

/** The newest API that this product speaks. */
export const MAX_API_VERSION = "1.51";
/** The oldest one. Source: moby 28.x, DefaultMinAPIVersion. */
export const MIN_API_VERSION = "1.24";

const PREFIX = /^\/v([0-9.]+)(?=\/)/;

/** Negative when `a` is older than `b`, 0 when they are the same. Missing parts count as 0. */
export function compareVersions(a: string, b: string): number {
  const left = a.split(".");
  const right = b.split(".");
  for (let part = 0; part < Math.max(left.length, right.length); part++) {
    const difference = Number(left[part] ?? 0) - Number(right[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export const isOlder = (version: string, than: string): boolean => compareVersions(version, than) < 0;

export const olderOf = (a: string, b: string): string => (isOlder(a, b) ? a : b);

/** A request's target without its `/v1.xx` prefix, and the version that the prefix names. */
export function splitVersion(target: string): { readonly version: string | undefined; readonly target: string } {
  const match = PREFIX.exec(target);
  if (match === null) return { version: undefined, target };
  return { version: match[1], target: target.slice(match[0].length) };
}
