import assert from "node:assert/strict";
import { test } from "node:test";
import { FAKETIME_PREREQUISITE } from "../chaos/bed.ts";
import { runCampaign } from "../chaos/campaign.ts";
import { renderRecord } from "../chaos/record.ts";
import { sceneWith, signal } from "./cluster.ts";

test("faults befall three managers and two workers, and nothing is lost", {
  ...sceneWith([FAKETIME_PREREQUISITE]),
  timeout: 600_000,
}, async (t) => {
  const options = { name: `chaos${process.pid}`, seed: 7, minutes: 0.75, managers: 3, workers: 2 };
  const record = await runCampaign({ ...options, say: (line) => t.diagnostic(line) }, signal);
  t.diagnostic(renderRecord(record));
  assert.deepEqual(record.found, []);
  assert.ok(record.calls.done > 0 && record.faults.length > 0, "clients worked, and faults befell them");
});
