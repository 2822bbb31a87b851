import type { Explanation, Reason } from "./explanation.ts";

const INDENT = "  ";

/** An explanation as text: the summary, and under it the reasons as an indented tree. Ends with a newline. */
export function renderExplanation({ summary, reasons }: Explanation): string {
  const lines = [summary, ...reasons.flatMap((reason) => renderReason(reason, INDENT))];
  return `${lines.join("\n")}\n`;
}

function renderReason({ text, advice, because = [] }: Reason, indent: string): readonly string[] {
  const inner = indent + INDENT;
  return [
    `${indent}- ${text}`,
    ...(advice === undefined ? [] : [`${inner}→ ${advice}`]),
    ...because.flatMap((cause) => renderReason(cause, inner)),
  ];
}
