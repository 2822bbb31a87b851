import type { TaskGroup } from "#base/task-group.ts";

/** Where to listen, and what to do with what arrives. */
export interface Listening {
  readonly address: string;
  readonly port: number;
  /** Whether a message of this source is to be heard at all. */
  readonly admit: (source: string) => boolean;
  /** The answer to a message; undefined when it is not to be answered. Fails with the signal's reason only. */
  readonly respond: (message: Buffer, source: string, signal: AbortSignal) => Promise<Buffer | undefined>;
  /** Where questions are answered: what arrived before the listener was closed may still be asked of others. */
  readonly jobs: TaskGroup;
}
