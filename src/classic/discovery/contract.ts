import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Discovery } from "./discovery.ts";

/** Something to register, for as long as the shortest lease of any driver. */
const TTL_MS = 2_000;
/** As slow as a machine may be. */
const DEADLINE_MS = 20_000;

/** A discovery of a kind, with nothing in it but what the contract says. */
export interface DiscoverySubject extends AsyncDisposable {
  readonly discovery: Discovery;
  /** Makes these the registered addresses, from outside. */
  replace(addresses: readonly string[]): Promise<void>;
}

/** @param addresses what there is at first. */
export type CreateDiscovery = (addresses: readonly string[]) => Promise<DiscoverySubject>;

/** What a kind can do. */
export interface Abilities {
  /** Whether its list can change at all. */
  readonly changes: boolean;
  readonly registers: boolean;
}

/** Reads a watch until it has given these addresses. */
async function shows(lists: AsyncIterator<ReadonlySet<string>>, want: readonly string[]): Promise<void> {
  let last: ReadonlySet<string> | undefined;
  const look = async () => {
    for (;;) {
      const { done, value } = await lists.next();
      assert.ok(!done, "the watch has ended");
      last = value;
      if ([...value].toSorted().join() === want.toSorted().join()) return;
    }
  };
  const late = pause(DEADLINE_MS, undefined, { ref: false }).then(() => {
    throw new Error(`not ${want.join()} but ${[...(last ?? [])].join()}`);
  });
  await Promise.race([look(), late]);
}

/** What every kind of discovery promises. */
export function discoveryContract(name: string, create: CreateDiscovery, { changes, registers }: Abilities): void {
  const watching = (discovery: Discovery) => {
    const stop = new AbortController();
    return { stop, lists: discovery.watch(stop.signal)[Symbol.asyncIterator]() };
  };

  describe(`discovery by ${name}`, () => {
    test("gives what there is at once, and ends with its signal", async () => {
      await using subject = await create(["h1:2375", "h2:2375"]);
      const { stop, lists } = watching(subject.discovery);
      const first: IteratorResult<ReadonlySet<string>, unknown> = await lists.next();
      assert.deepEqual(first, { done: false, value: new Set(["h1:2375", "h2:2375"]) });
      const next = lists.next();
      stop.abort(new Error("enough"));
      const over = await next.then(
        ({ done }) => done === true,
        (err: unknown) => err === stop.signal.reason || stop.signal.aborted,
      );
      assert.ok(over);
    });

    const changing = async () => {
      await using subject = await create(["h1:2375"]);
      const { stop, lists } = watching(subject.discovery);
      await shows(lists, ["h1:2375"]);
      await subject.replace(["h1:2375", "[fd00::2]:2376"]);
      await shows(lists, ["h1:2375", "[fd00::2]:2376"]);
      await subject.replace([]);
      await shows(lists, []);
      stop.abort(new Error("enough"));
    };
    if (changes) test("gives the list again when it has changed", changing);

    test("shows a registered address for its time, however often it is registered", async () => {
      await using subject = await create([]);
      const { discovery } = subject;
      const signal = AbortSignal.any([]);
      if (!registers) {
        await assert.rejects(discovery.register("h1:2375", TTL_MS, signal), { code: "unimplemented" });
        return;
      }
      const { stop, lists } = watching(discovery);
      await discovery.register("h1:2375", TTL_MS, signal);
      await discovery.register("h2:2375", 10 * TTL_MS, signal);
      await discovery.register("h2:2375", 10 * TTL_MS, signal);
      await shows(lists, ["h1:2375", "h2:2375"]);
      await shows(lists, ["h2:2375"]);
      const another = watching(discovery);
      await shows(another.lists, ["h2:2375"]);
      for (const watch of [stop, another.stop]) watch.abort(new Error("enough"));
    });
  });
}
