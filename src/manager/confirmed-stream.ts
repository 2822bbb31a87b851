import { FlotillaError } from "#base/errors.ts";
import type { Withdrawal } from "./withdrawal.ts";

/** A message of the stream, or what would have been one if it said anything: then with the number of the last. */
export interface SentMessage {
  readonly sequence: number;
  /** Whether it is of a kind that agents confirm: see `AgentService.networksApplied`. */
  readonly mustBeConfirmed: boolean;
  /** What the node has been told of in full, with this message and those before it. */
  readonly withdrawals: ReadonlySet<Withdrawal>;
}

interface Listener {
  onConfirmed(withdrawal: Withdrawal): void;
  onClosed(): void;
}

/** How far a node has come with one stream of assignments. */
export class ConfirmedStream implements Disposable {
  readonly #signal: AbortSignal;
  readonly #listener: Listener;
  readonly #close: () => void;
  /** Of messages: the last one, the last one that the node has to confirm, and the last one that it has confirmed. */
  #last = 0;
  #due = 0;
  #confirmed = 0;
  /** What it has been told of, by the message with which it is through. */
  #told: { readonly due: number; readonly withdrawals: ReadonlySet<Withdrawal> }[] = [];

  /** Ends when `signal` aborts or it is disposed of, whichever comes first. */
  constructor(signal: AbortSignal, listener: Listener) {
    this.#signal = signal;
    this.#listener = listener;
    this.#close = () => this[Symbol.dispose]();
    signal.addEventListener("abort", this.#close, { once: true });
  }

  sent({ sequence, mustBeConfirmed, withdrawals }: SentMessage): void {
    this.#last = sequence;
    if (mustBeConfirmed) this.#due = sequence;
    if (withdrawals.size > 0) this.#told.push({ due: this.#due, withdrawals });
    this.#settle();
  }

  /** @throws FlotillaError `invalid` for a message that the node was not sent. */
  confirm(resultsIn: string): void {
    const sequence = Number(resultsIn);
    if (!Number.isSafeInteger(sequence) || sequence < 1 || sequence > this.#last) {
      throw new FlotillaError("invalid", `no assignments ${JSON.stringify(resultsIn)} were sent to this node`);
    }
    this.#confirmed = Math.max(this.#confirmed, sequence);
    this.#settle();
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener("abort", this.#close);
    this.#listener.onClosed();
  }

  #settle(): void {
    const settled = this.#told.filter(({ due }) => due <= this.#confirmed);
    if (settled.length === 0) return;
    this.#told = this.#told.filter(({ due }) => due > this.#confirmed);
    for (const { withdrawals } of settled) for (const withdrawal of withdrawals) this.#listener.onConfirmed(withdrawal);
  }
}
