import { aborted } from "#base/abort.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Finished, Host } from "#network/host.ts";

interface Recorded {
  readonly command: string;
  readonly input: string;
}

/** A host that notes the commands it is given, and answers as it was told to; else nothing, with success. */
export class RecordingHost implements Host {
  readonly settings = new Map<string, string>();
  readonly missing = new Set<string>();
  /** By the beginning of a command: the last that fits answers. */
  readonly answers = new Map<string, Partial<Finished>>();
  readonly #watchers = new Map<string, (line: string) => void>();
  #recorded: Recorded[] = [];

  async run(argv: readonly string[], signal: AbortSignal, input = ""): Promise<Finished> {
    signal.throwIfAborted();
    const [file = ""] = argv;
    if (this.missing.has(file)) throw new FlotillaError("not_found", `cannot run ${file}`);
    const command = argv.join(" ");
    this.#recorded.push({ command, input });
    const answer = [...this.answers].findLast(([start]) => command.startsWith(start))?.[1];
    return { code: 0, stdout: "", stderr: "", ...answer };
  }

  async watch(argv: readonly string[], onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
    const command = argv.join(" ");
    this.#watchers.set(command, onLine);
    await aborted(signal);
    this.#watchers.delete(command);
    throw signal.reason;
  }

  async readSetting(path: string): Promise<string | undefined> {
    return this.settings.get(path);
  }

  async writeSetting(path: string, value: string): Promise<void> {
    this.settings.set(path, value);
  }

  /** As if a watched command whose words begin so had printed these lines. */
  print(start: string, ...lines: readonly string[]): void {
    for (const [command, onLine] of this.#watchers) if (command.startsWith(start)) lines.forEach(onLine);
  }

  get watched(): number {
    return this.#watchers.size;
  }

  /** What was run since the last call, of the commands that begin so. */
  take(start = ""): readonly Recorded[] {
    const taken = this.#recorded.filter(({ command }) => command.startsWith(start));
    this.#recorded = this.#recorded.filter((recorded) => !taken.includes(recorded));
    return taken;
  }
}
