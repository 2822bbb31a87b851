/**
 * Whether a history of calls to a register could have come from one register in one place: whether there is an order of
 * the calls, each at a moment between its begin and its end, in which every answer is right.
 *
 * The search is that of Wing and Gong ("Testing and Verifying Concurrent Objects", 1993), with Lowe's memory of what was
 * tried ("Testing for linearizability", 2017).
 */

/** A call to a register. Times are of one clock; the unit does not matter. */
export interface RegisterCall {
  /** Who called. Only for messages. */
  readonly client: string;
  readonly begin: number;
  /** Infinity when nobody knows whether the call took effect: it may have at any time after its begin, or never. */
  readonly end: number;
  readonly call:
    | { readonly type: "read"; readonly value: string }
    | { readonly type: "write"; readonly value: string }
    /** Took effect, and so found `from`. */
    | { readonly type: "exchange"; readonly from: string; readonly to: string };
}

export type Verdict =
  | { readonly ok: true; readonly order: readonly RegisterCall[] }
  /** The longest order that was found, and the calls of which none can come next. */
  | { readonly ok: false; readonly order: readonly RegisterCall[]; readonly stuck: readonly RegisterCall[] };

/** The register's value after a call; undefined when the call cannot have happened now. */
function step(value: string, { call }: RegisterCall): string | undefined {
  switch (call.type) {
    case "read":
      return call.value === value ? value : undefined;
    case "write":
      return call.value;
    case "exchange":
      return call.from === value ? call.to : undefined;
  }
}

/** A place in the search: the calls that are in order already, and the register's value after them. */
interface Place {
  readonly order: readonly number[];
  readonly value: string;
}

/** Reads that nobody got an answer to say nothing, and are ignored. */
export function checkRegister(initial: string, history: readonly RegisterCall[]): Verdict {
  const calls = history
    .filter(({ end, call }) => end !== Number.POSITIVE_INFINITY || call.type !== "read")
    .toSorted((left, right) => left.begin - right.begin);
  const mustHappen = calls.filter(({ end }) => end !== Number.POSITIVE_INFINITY).length;
  const tried = new Set<string>();
  const pending: Place[] = [{ order: [], value: initial }];
  let longest: Place = { order: [], value: initial };
  for (let place = pending.pop(); place !== undefined; place = pending.pop()) {
    const ahead = withReads(calls, place);
    if (ahead.order.length > longest.order.length) longest = ahead;
    const done = new Set(ahead.order);
    if (countFinished(calls, done) === mustHappen) return { ok: true, order: inOrder(calls, ahead.order) };
    const key = `${keyOf(done)}=${ahead.value}`;
    if (tried.has(key)) continue;
    tried.add(key);
    // Earlier calls are tried first: they are pushed last.
    for (const index of nextOf(calls, done).toReversed()) {
      const value = step(ahead.value, at(calls, index));
      if (value !== undefined) pending.push({ order: [...ahead.order, index], value });
    }
  }
  const stuck = nextOf(calls, new Set(longest.order)).map((index) => at(calls, index));
  return { ok: false, order: inOrder(calls, longest.order), stuck };
}

/** Takes every read that is possible now: it changes nothing, so it never pays to put it off. */
function withReads(calls: readonly RegisterCall[], place: Place): Place {
  const order = [...place.order];
  for (;;) {
    const next = nextOf(calls, new Set(order));
    const read = next.find((index) => {
      const { call } = at(calls, index);
      return call.type === "read" && call.value === place.value;
    });
    if (read === undefined) return { order, value: place.value };
    order.push(read);
  }
}

/** The calls that may come next: those that began before any other that is left has ended. */
function nextOf(calls: readonly RegisterCall[], done: ReadonlySet<number>): number[] {
  let earliestEnd = Number.POSITIVE_INFINITY;
  const next: number[] = [];
  for (const [index, { begin, end }] of calls.entries()) {
    if (begin > earliestEnd) break; // those after it begin later still
    if (done.has(index)) continue;
    next.push(index);
    earliestEnd = Math.min(earliestEnd, end);
  }
  return next.filter((index) => at(calls, index).begin <= earliestEnd);
}

const countFinished = (calls: readonly RegisterCall[], done: ReadonlySet<number>): number =>
  [...done].filter((index) => at(calls, index).end !== Number.POSITIVE_INFINITY).length;

/** Two sets have one key if they are equal: all up to the first that is missing, and those after it. */
function keyOf(done: ReadonlySet<number>): string {
  let prefix = 0;
  while (done.has(prefix)) prefix += 1;
  const rest = [...done].filter((index) => index > prefix).toSorted((left, right) => left - right);
  return `${prefix}:${rest.join(",")}`;
}

const inOrder = (calls: readonly RegisterCall[], order: readonly number[]): RegisterCall[] =>
  order.map((index) => at(calls, index));

function at(calls: readonly RegisterCall[], index: number): RegisterCall {
  const call = calls[index];
  if (call === undefined) throw new Error(`no call ${index}`);
  return call;
}

/** One line for a call, as messages show it. */
export function renderCall({ client, begin, end, call }: RegisterCall): string {
  const until = end === Number.POSITIVE_INFINITY ? "?" : String(end);
  const what =
    call.type === "exchange"
      ? `exchanged ${call.from} for ${call.to}`
      : call.type === "write"
        ? `wrote ${call.value}`
        : `read ${call.value}`;
  return `${begin}-${until} ${client} ${what}`;
}
