import assert from "node:assert/strict";
import { test } from "node:test";
import { aborted, withDeadline } from "./abort.ts";
import { ManualClock } from "./manual-clock.ts";

const never = new Promise<never>(() => undefined);

test("work that is done in time gives its result, and leaves no sleeper", async () => {
  const clock = new ManualClock();
  const { signal } = new AbortController();
  assert.equal(await withDeadline(clock, 1_000, "it", signal, async () => 7), 7);
  assert.equal(clock.sleepers, 0);
});

test("work that fails in time fails with its own error", async () => {
  const { signal } = new AbortController();
  const work = async () => {
    throw new Error("broken");
  };
  await assert.rejects(withDeadline(new ManualClock(), 1_000, "it", signal, work), /broken/);
});

test("work that is late is aborted, and not waited for", async () => {
  const clock = new ManualClock();
  const { signal } = new AbortController();
  let stop: AbortSignal | undefined;
  const late = withDeadline(clock, 1_000, "the answer", signal, (inTime) => {
    stop = inTime;
    return never;
  });
  const refused = assert.rejects(late, { code: "unavailable", message: "the answer took longer than 1000 ms" });
  await clock.advance(1_000);
  await refused;
  assert.equal(stop?.aborted, true);
});

const listening = async (signal: AbortSignal): Promise<never> => {
  await aborted(signal);
  throw new Error("aborted", { cause: signal.reason });
};

for (const [name, work] of Object.entries({ listening, deaf: () => never })) {
  test(`an abort from outside ends ${name} work with its reason`, async () => {
    const outside = new AbortController();
    const clock = new ManualClock();
    const running = withDeadline(clock, 1_000, "it", outside.signal, work);
    outside.abort(new Error("enough"));
    await assert.rejects(running, /^Error: enough$/);
    assert.equal(clock.sleepers, 0);
    await assert.rejects(withDeadline(clock, 1_000, "it", outside.signal, work), /^Error: enough$/);
  });
}
