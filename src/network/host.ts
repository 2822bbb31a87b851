/** How a command ended: its exit code, or 128 plus the number of the signal that killed it. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a data plane needs of its host. All in one network namespace. */
export interface Host {
  /**
   * Runs a command to its end, whatever its exit code. `input` is what it reads from its standard input.
   * @throws FlotillaError `not_found` when there is no such command; the signal's reason when it aborts.
   */
  run(argv: readonly string[], signal: AbortSignal, input?: string): Promise<Finished>;
  /**
   * Runs a command that tells of events, one a line, and hands each line on, until the signal aborts.
   * @throws FlotillaError `not_found` as `run`; `unavailable` when the command ends by itself.
   */
  watch(argv: readonly string[], onLine: (line: string) => void, signal: AbortSignal): Promise<void>;
  /** A kernel setting by its path under /proc/sys; undefined when there is none. */
  readSetting(path: string): Promise<string | undefined>;
  /** @throws when the setting does not exist or cannot be written. */
  writeSetting(path: string, value: string): Promise<void>;
}
