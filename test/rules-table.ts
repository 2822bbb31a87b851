/**
 * The rules of networks as tables for docs/networking.md, read from the golden files of their renderer. Run by itself it
 * brings the document up to date: `node test/rules-table.ts`.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";

export const DOCUMENT = "docs/networking.md";
const GOLDEN_FILES = "src/network/golden/*.nft";
const BEGIN = "<!-- rules -->";
const END = "<!-- end of rules -->";

/** A set, a map or a chain of a ruleset. */
interface Block {
  readonly family: string;
  readonly kind: "set" | "map" | "chain";
  readonly name: string;
  /** The comment before it. */
  readonly purpose: string;
  readonly lines: readonly string[];
}

/** Reads a ruleset as our renderer writes it: a line for each rule, and blocks that are indented by two spaces. */
export function parseRuleset(text: string): readonly Block[] {
  return text.split(/^(?=table )/m).flatMap((table) => {
    const [, family] = /^table (\w+)/.exec(table) ?? [];
    if (family === undefined) return [];
    const blocks = table.matchAll(/^(?: {2}# ([^\n]*)\n)? {2}(set|map|chain) (\S+) \{\n(.*?)^ {2}\}/gms);
    return [...blocks].map(([, purpose = "", kind, name = "", body = ""]) => ({
      family,
      kind: kind as Block["kind"],
      name,
      purpose,
      lines: body
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== ""),
    }));
  });
}

/** Chains of single services are many: one of each kind is shown, as an example. */
const example = (name: string): string => name.replace(/-.*/, "-…");

/** Markdown: what the sets hold, then the rules of each chain. */
export function renderTables(rulesets: readonly string[]): string {
  const blocks = new Map<string, Block>();
  for (const block of rulesets.flatMap(parseRuleset)) {
    const key = `${block.family} ${example(block.name)}`;
    if (!blocks.has(key)) blocks.set(key, block);
  }
  const chains = [...blocks.values()].filter(({ kind }) => kind === "chain");
  const sets = [...blocks.values()].filter(({ kind }) => kind !== "chain");
  return [
    "| Chain | Where | Rules |",
    "|---|---|---|",
    ...chains.map(({ family, name, lines }) => row(`${family} \`${name}\``, hookOf(lines), rulesOf(lines))),
    "",
    "| Set or map | Holds |",
    "|---|---|",
    ...sets.map(({ family, name, purpose }) => row(`${family} \`${name}\``, purpose)),
  ].join("\n");
}

const row = (...cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;

/** `nat prerouting -105`; nothing for a chain that others jump to. */
function hookOf(lines: readonly string[]): string {
  const [, type, hook, priority] = /^type (\w+) hook (\w+) priority ([^;]+);/.exec(lines[0] ?? "") ?? [];
  return type === undefined ? "jumped to" : `${type} ${hook}, ${priority}`;
}

/** Each rule after the comment that explains it. */
const rulesOf = (lines: readonly string[]): string =>
  lines
    .filter((line) => !line.startsWith("type "))
    .map((line) => (line.startsWith("# ") ? `*${line.slice(2)}:*` : `\`${line}\``))
    .join("<br>");

/** The document with these tables between its two marks. */
export function withTables(document: string, tables: string): string {
  const [before, after] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (before < 0 || after < before) throw new Error(`${DOCUMENT} has lost its marks ${BEGIN} and ${END}`);
  return `${document.slice(0, before)}${BEGIN}\n${tables}\n${document.slice(after)}`;
}

export const goldenRulesets = (): readonly string[] =>
  globSync(GOLDEN_FILES)
    .toSorted()
    .map((path) => readFileSync(path, "utf8"));

if (import.meta.main) {
  writeFileSync(DOCUMENT, withTables(readFileSync(DOCUMENT, "utf8"), renderTables(goldenRulesets())));
}
