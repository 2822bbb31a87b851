import type { Outcome } from "./api.ts";
import type { RegisterCall } from "./linearizability.ts";

type Call = RegisterCall["call"];

/** What clients asked of registers, and what they were told, with times of this process's monotonic clock in ms. */
export class History {
  readonly #calls = new Map<string, RegisterCall[]>();
  readonly counts = { reads: 0, old: 0, done: 0, refused: 0, unknown: 0 };
  /** Why the outcome of writes was unknown, and how often. */
  readonly reasons = new Map<string, number>();

  /** Records a read that was answered. */
  async read(register: string, client: string, look: () => Promise<string | undefined>): Promise<string | undefined> {
    const begin = performance.now();
    const value = await look();
    if (value === undefined) return undefined;
    this.counts.reads += 1;
    this.#add(register, { client, begin, end: performance.now(), call: { type: "read", value } });
    return value;
  }

  /** Records a write, unless it was refused. */
  async write(register: string, client: string, call: Call, work: () => Promise<Outcome>): Promise<Outcome> {
    const begin = performance.now();
    const outcome = await work();
    this.counts[outcome] += 1;
    if (outcome === "refused") return outcome;
    const end = outcome === "done" ? performance.now() : Number.POSITIVE_INFINITY;
    this.#add(register, { client, begin, end, call });
    return outcome;
  }

  /** Counts reads that say that they may be old: they promise nothing. */
  noteOld(mayBeOld: boolean): boolean {
    if (mayBeOld) this.counts.old += 1;
    return mayBeOld;
  }

  noteReason(reason: string): void {
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
  }

  registers(): Iterable<readonly [string, readonly RegisterCall[]]> {
    return this.#calls;
  }

  #add(register: string, call: RegisterCall): void {
    const calls = this.#calls.get(register) ?? [];
    calls.push(call);
    this.#calls.set(register, calls);
  }
}
