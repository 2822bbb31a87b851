import { fileURLToPath } from "node:url";
import { Background, type Place } from "./background.ts";

const PROGRAM = fileURLToPath(new URL("./hammer-program.ts", import.meta.url));

export interface HammerOrder {
  /** Asked in turns. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** How many requests at least. */
  readonly requests: number;
  /** How many requests at a time. */
  readonly concurrency: number;
  /** After so long without an answer a request has failed. */
  readonly timeoutMs: number;
}

export interface HammerFailure {
  /** When the request began, in ms since 1970. */
  readonly at: number;
  readonly address: string;
  readonly why: string;
}

export interface HammerReport {
  readonly requests: number;
  readonly failed: number;
  /** The first thousand. */
  readonly failures: readonly HammerFailure[];
  /** How many requests each task answered, by its host name. */
  readonly answers: Readonly<Record<string, number>>;
  /** The addresses that the tasks saw. */
  readonly callers: readonly string[];
  readonly slowestMs: number;
  readonly tookMs: number;
}

const DEFAULTS = { port: 8080, requests: 0, concurrency: 16, timeoutMs: 5_000 };

/** A client that asks probes as fast as it can, while a test does other things. Disposal kills it. */
export class Hammer implements Disposable {
  readonly #program: Background;

  constructor(place: Place, order: Pick<HammerOrder, "addresses"> & Partial<HammerOrder>) {
    this.#program = new Background(place, [process.execPath, PROGRAM, JSON.stringify({ ...DEFAULTS, ...order })]);
  }

  /** Lets it end once it has made its number of requests, and gives its account. */
  async finish(): Promise<HammerReport> {
    return JSON.parse(await this.#program.finish()) as HammerReport;
  }

  [Symbol.dispose](): void {
    this.#program[Symbol.dispose]();
  }
}

/** What a test prints of a report. */
export const summary = ({ requests, failed, tookMs, slowestMs }: HammerReport): string =>
  `${requests} requests, ${failed} failed, ${Math.round((requests / tookMs) * 1_000)}/s, slowest ${slowestMs} ms`;
