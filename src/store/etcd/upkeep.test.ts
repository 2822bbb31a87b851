import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "#base/log.ts";
import { ManualClock } from "#base/manual-clock.ts";
import { seededRandom } from "#base/random.ts";
import type { EtcdAlarm, EtcdStatus } from "./cluster.ts";
import { chores, upkeep } from "./upkeep.ts";

const MB = 1024 * 1024;

const status = (fields: Partial<EtcdStatus> = {}): EtcdStatus => ({
  memberId: "a",
  version: "3.4.23",
  leaderId: "a",
  isLearner: false,
  revision: 900n,
  fileBytes: 100 * MB,
  usedBytes: 90 * MB,
  errors: [],
  ...fields,
});

const full: EtcdAlarm = { memberId: "a", type: "no space" };

const CASES = [
  { name: "the first round forgets nothing", want: {} },
  { name: "later ones forget what is older than the round before", earlier: 500n, want: { compactTo: 500n } },
  { name: "a file that is half empty is made smaller", status: { usedBytes: 20 * MB }, want: { defragment: true } },
  { name: "a small file is left alone", status: { fileBytes: 10 * MB, usedBytes: MB }, want: {} },
  {
    name: "a large file that is mostly used is left alone",
    status: { fileBytes: 1_000 * MB, usedBytes: 800 * MB },
    want: {},
  },
  {
    name: "a full member forgets everything and takes writes again",
    earlier: 500n,
    alarms: [full],
    want: { compactTo: 900n, defragment: true, disarm: [full] },
  },
  { name: "another full member sees to itself", alarms: [{ ...full, memberId: "b" }], want: {} },
  { name: "damage is not ours to repair", alarms: [{ memberId: "a", type: "corrupt" } as const], want: {} },
];

for (const { name, want, ...given } of CASES) {
  test(name, () => {
    const decided = chores(status(given.status), given.alarms ?? [], given.earlier);
    assert.deepEqual(decided, { compactTo: undefined, defragment: false, disarm: [], ...want });
  });
}

test("rounds go on after one that failed", async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  const done: string[] = [];
  let revision = 100n;
  const cluster = {
    status: async () => {
      revision += 100n;
      if (revision === 300n) throw new Error("out of reach");
      return status({ revision });
    },
    alarms: async () => [],
    compact: async (to: bigint) => void done.push(`compact ${to}`),
    defragment: async () => void done.push("defragment"),
    disarm: async () => void done.push("disarm"),
  };
  const running = upkeep({ cluster, clock, random: seededRandom(1), log: silentLogger }, stop.signal);
  for (let round = 0; round < 4; round++) await clock.advance(6 * 60_000);
  stop.abort(new Error("enough"));
  await assert.rejects(running, /enough/);
  assert.deepEqual(done.slice(0, 2), ["compact 200", "compact 400"]);
});
