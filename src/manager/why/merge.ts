import { type Reason, reason } from "./explanation.ts";
import { counted, listed } from "./phrases.ts";

/** A reason, and whom it is about. */
export interface Finding {
  /** `web.3`, `h1`. */
  readonly label: string;
  readonly reason: Reason;
}

/** One reason for all that have the same: "web.3: …", or "3 tasks (web.1, web.2 and web.4): …". In order of appearance. */
export function mergeFindings(findings: readonly Finding[], noun: string): readonly Reason[] {
  const groups = Map.groupBy(findings, (finding) => JSON.stringify(finding.reason));
  return Array.from(groups.values(), (group) => {
    const labels = group.map(({ label }) => label);
    const who = labels.length === 1 ? (labels[0] ?? "") : `${counted(labels.length, noun)} (${listed(labels)})`;
    const { text, advice, because } = group[0]?.reason ?? { text: "" };
    return reason(`${who}: ${text}`, advice, because);
  });
}
