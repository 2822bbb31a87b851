import type { CampaignRecord } from "./campaign.ts";

/** A campaign as text. */
export function renderRecord(record: CampaignRecord): string {
  const { seed, minutes, managers, workers, faults, calls, reasons, wholeAfterMs, found } = record;
  const counts = new Map<string, number>();
  for (const { name } of faults) counts.set(name, (counts.get(name) ?? 0) + 1);
  const lines = [
    `seed ${seed}, ${minutes} minutes, ${managers} managers, ${workers} workers`,
    `${faults.length} faults: ${[...counts].map(([name, count]) => `${name} ${count}`).join(", ")}`,
    `${calls.reads} reads, ${calls.old} more that said they may be old; writes: ${calls.done} done, ${calls.refused} refused, ${calls.unknown} of unknown outcome`,
    ...Object.entries(reasons).map(([reason, count]) => `  ${count} × ${reason}`),
    `whole ${(wholeAfterMs / 1_000).toFixed(1)} s after the last fault`,
    found.length === 0 ? "nothing wrong was found" : `${found.length} found:`,
    ...found.map((text) => `- ${text}`),
  ];
  return lines.join("\n");
}
