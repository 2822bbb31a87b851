import type { StoreObject } from "#model/objects.ts";

/**
 * Lets tasks that were decoded one by one share their equal parts again, as they did when they were made: at 100 tasks
 * per service this is more than half of a cluster's memory. Short-lived: it remembers each part as text.
 */
export class SharedParts {
  readonly #parts = new Map<string, unknown>();

  /** `object`, or an equal frozen one that shares what it can. */
  share(object: StoreObject): StoreObject {
    if (object.kind !== "task") return object;
    const { spec, serviceLabels, endpoint } = object;
    return Object.freeze({
      ...object,
      spec: this.#one(spec),
      serviceLabels: this.#one(serviceLabels),
      ...(endpoint && { endpoint: this.#one(endpoint) }),
    });
  }

  #one<T>(part: T): T {
    const text = JSON.stringify(part);
    if (!this.#parts.has(text)) this.#parts.set(text, part);
    return this.#parts.get(text) as T;
  }
}
