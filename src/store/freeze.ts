/**
 * Freezes a JSON value and all that it holds, and returns it. Stops at what is frozen already, so that a changed copy
 * of a stored object costs only its new parts.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const key in value) {
    const member = value[key];
    if (typeof member === "object") deepFreeze(member);
  }
  return value;
}
