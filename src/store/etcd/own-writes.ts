import type { Revision, StoreObject } from "#model/objects.ts";
import { deepFreeze } from "#store/freeze.ts";
import type { Written } from "./transaction.ts";

/**
 * What this process is writing, so that it need not open what it has sealed itself when the watch brings it back: the
 * objects then also keep the parts that they share with others.
 */
export class OwnWrites {
  readonly #writes = new Map<string, Written>();

  begin(writes: ReadonlyMap<string, Written>): void {
    for (const [key, written] of writes) this.#writes.set(key, written);
  }

  end(writes: ReadonlyMap<string, Written>): void {
    for (const [key, written] of writes) if (this.#writes.get(key) === written) this.#writes.delete(key);
  }

  /** The object of `kind/id` whose value is `value`, when it is one of ours. */
  find(key: string, value: Uint8Array, version: Revision): StoreObject | undefined {
    const written = this.#writes.get(key);
    if (written === undefined || Buffer.compare(written.value, value) !== 0) return undefined;
    return deepFreeze({ ...written.object, version });
  }
}
