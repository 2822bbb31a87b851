import type { TaskId } from "#model/ids.ts";
import type { LogBatch, LogMessage } from "#wire/protocol.ts";

/** What one subscription may hold in memory; beyond it, readers wait. */
const BUFFER_BYTES = 1024 * 1024;
/** A batch is as long as what came in while the previous one was sent, up to this. */
const BATCH_BYTES = 256 * 1024;
/** What a line takes besides its text. */
const LINE_BYTES = 128;

type Entry =
  | { readonly message: LogMessage; readonly bytes: number }
  | { readonly end: LogBatch["ended"][number]; readonly bytes: 0 };

/**
 * The lines of one subscription on their way out. Readers wait while the queue is full, so that a slow client slows the
 * engine down instead of filling the memory. Each batch takes what there is: alone when idle, many under load.
 * A task's end comes after its last line.
 */
export class LogQueue implements AsyncIterableIterator<LogBatch> {
  readonly #subscriptionId: string;
  #entries: Entry[] = [];
  #bytes = 0;
  #closed = false;
  #ready = Promise.withResolvers<void>();
  #room = Promise.withResolvers<void>();

  constructor(subscriptionId: string) {
    this.#subscriptionId = subscriptionId;
  }

  /** Queues a line, once there is room. @returns false when nobody will read it. */
  async push(message: LogMessage): Promise<boolean> {
    while (this.#bytes >= BUFFER_BYTES && !this.#closed) await this.#room.promise;
    if (this.#closed) return false;
    this.#add({ message, bytes: message.data.length + LINE_BYTES });
    return true;
  }

  taskEnded(taskId: TaskId, err?: string): void {
    this.#add({ end: { taskId, ...(err !== undefined && { err }) }, bytes: 0 });
  }

  /** No more will come; what is queued is still read. */
  end(): void {
    this.#closed = true;
    this.#ready.resolve();
    this.#room.resolve();
  }

  async next(): Promise<IteratorResult<LogBatch>> {
    while (this.#entries.length === 0) {
      if (this.#closed) return { done: true, value: undefined };
      this.#ready = Promise.withResolvers();
      await this.#ready.promise;
    }
    return { done: false, value: this.#take() };
  }

  async return(): Promise<IteratorResult<LogBatch>> {
    this.#entries = [];
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
    this.#ready.resolve();
  }

  #take(): LogBatch {
    let [count, bytes] = [0, 0];
    for (; count < this.#entries.length && bytes < BATCH_BYTES; count++) bytes += this.#entries[count]?.bytes ?? 0;
    const taken = this.#entries.splice(0, count);
    this.#bytes -= bytes;
    this.#room.resolve();
    this.#room = Promise.withResolvers();
    return {
      subscriptionId: this.#subscriptionId,
      messages: taken.flatMap((entry) => ("message" in entry ? [entry.message] : [])),
      ended: taken.flatMap((entry) => ("end" in entry ? [entry.end] : [])),
    };
  }
}
