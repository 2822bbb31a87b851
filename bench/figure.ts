/** One thing that was measured. Everything here is a cost: less is better. */
export interface Figure {
  readonly name: string;
  readonly unit: "s" | "ms" | "µs" | "MB";
  readonly ours: number;
  /** The same work done by somebody else in the same run, or else measured on the same machine. */
  readonly baseline?: { readonly name: string; readonly value: number };
  /** What `ours` should not exceed: as a part of the baseline, or in the figure's own unit. */
  readonly target?: { readonly ratio: number } | { readonly most: number };
}

/** What a benchmark gives back, and what `--json` writes of each figure. */
export interface Record extends Figure {
  readonly ratio?: number;
  readonly ok?: boolean;
}

/** Adds what follows from a figure. A target without a baseline to compare with is not met. */
export function judge(figure: Figure): Record {
  const ratio = figure.baseline === undefined ? undefined : figure.ours / figure.baseline.value;
  const { target } = figure;
  const ok =
    target && ("most" in target ? figure.ours <= target.most : (ratio ?? Number.POSITIVE_INFINITY) <= target.ratio);
  return { ...figure, ...(ratio !== undefined && { ratio }), ...(ok !== undefined && { ok }) };
}

const HEADER = ["", "ours", "baseline", "ratio", "target", "ok"];

/** A table, a line for each figure. */
export function renderTable(records: readonly Record[]): string {
  const rows = [HEADER, ...records.map(renderRow)];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))),
  );
  return lines.map((cells) => cells.join("  ").trimEnd()).join("\n");
}

function renderRow({ name, unit, ours, baseline, ratio, target, ok }: Record): string[] {
  const quantity = (value: number) => `${value.toLocaleString("en", { maximumSignificantDigits: 3 })} ${unit}`;
  return [
    name,
    quantity(ours),
    baseline === undefined ? "" : `${quantity(baseline.value)} ${baseline.name}`,
    ratio === undefined ? "" : ratio.toPrecision(3),
    target === undefined ? "" : `≤ ${"ratio" in target ? target.ratio.toPrecision(3) : quantity(target.most)}`,
    ok === undefined ? "" : ok ? "yes" : "NO",
  ];
}
