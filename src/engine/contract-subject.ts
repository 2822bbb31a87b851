import assert from "node:assert/strict";
import type { Container, ContainerEvent, ContainerLogLine, ContainerLogOptions, Engine } from "./engine.ts";

/** What a container of the contract does. */
export type Program =
  | "sleeper" // runs until asked to stop, then ends with 0
  | "failing" // ends with 3 at once
  | "stubborn" // has to be killed
  | "healthy" // a sleeper whose health check succeeds soon
  | "unhealthy" // a sleeper whose health check soon fails, with the output `sick`
  | "counter" // writes `1\n2\n3` to stdout and ends
  | "both" // writes `out\n` and `err\n` to their streams and ends
  | "ready"; // writes `ready\n`, then as sleeper

export interface EngineUnderTest extends AsyncDisposable {
  readonly engine: Engine;
  /** An image that the engine has. */
  readonly image: string;
  /** What makes a container of `image` do that, to be merged into its body. */
  program(program: Program): { readonly Image: string } & Readonly<Record<string, unknown>>;
  /** The engine goes away without a word, and its containers with it. */
  crash(): Promise<void>;
  restart(): Promise<void>;
}

export const EVERYTHING: ContainerLogOptions = { stdout: true, stderr: true, follow: false, tty: false };

type Changes = Readonly<Record<string, unknown>>;

/** An engine under test, with what most tests of the contract do to it. */
export class Subject {
  readonly created: string[] = [];
  readonly #signal = new AbortController().signal;
  #opened: EngineUnderTest | undefined;
  #count = 0;

  /** Names the engine, which is opened only when its tests begin. */
  use(opened: EngineUnderTest): void {
    this.#opened = opened;
  }

  get opened(): EngineUnderTest {
    assert.ok(this.#opened);
    return this.#opened;
  }

  get engine(): Engine {
    return this.opened.engine;
  }

  /** A container with labels of its own. */
  async create(program: Program, changes: Changes = {}) {
    const labels = { "contract.number": String(++this.#count), "contract.empty": "" };
    const name = `contract-${this.#count}`;
    const { Labels: own, ...body } = { Labels: {}, ...this.opened.program(program), ...changes };
    const id = await this.engine.createContainer(name, { ...body, Labels: { ...own, ...labels } }, this.#signal);
    this.created.push(id);
    return { id, name, labels };
  }

  /** A container that was started, and its events since before that. */
  async start(program: Program, changes: Changes = {}) {
    const container = await this.create(program, changes);
    const events = await this.engine.events(container.labels, this.#signal);
    await this.engine.startContainer(container.id, this.#signal);
    return { ...container, events };
  }

  async startAndEnd(program: Program, changes: Changes = {}) {
    const container = await this.start(program, changes);
    await seen(container.events, "die");
    return container;
  }

  async inspect(id: string): Promise<Container> {
    const container = await this.engine.inspectContainer(id, this.#signal);
    assert.ok(container);
    return container;
  }

  readLogs(id: string, changes: Partial<ContainerLogOptions> = {}): Promise<ContainerLogLine[]> {
    return Array.fromAsync(this.engine.logs(id, { ...EVERYTHING, ...changes }, this.#signal));
  }
}

/** Reads events up to the one with `action`. */
export async function seen(events: AsyncIterable<ContainerEvent>, action: string): Promise<ContainerEvent[]> {
  const all: ContainerEvent[] = [];
  const iterator = events[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await iterator.next();
    if (done) throw new Error(`events ended before ${action}`);
    all.push(value);
    if (value.action === action) return all;
  }
}

/** What the lines say, of one stream or of both. */
export const text = (lines: readonly ContainerLogLine[], stream?: "stdout" | "stderr"): string =>
  lines
    .filter((line) => stream === undefined || line.stream === stream)
    .map(({ data }) => new TextDecoder().decode(data))
    .join("");
