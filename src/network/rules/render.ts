import { RULE_TABLE } from "#network/names.ts";
import type { Family, RuleFact } from "./rule-fact.ts";
import { CHAINS, type ChainDeclaration, SETS, type SetDeclaration } from "./tables.ts";

/** What is to become of one key of the rules. */
export interface RuleChange {
  readonly before: RuleFact | undefined;
  readonly after: RuleFact | undefined;
}

const FAMILIES: readonly Family[] = ["ip", "bridge"];

/** Makes our tables anew, whatever they were: one transaction, so that no packet meets a half of them. */
export function renderAll(facts: Iterable<RuleFact>): string {
  const elements = new Map<string, string[]>();
  const chains: RuleFact[] = [];
  for (const fact of facts) {
    if (fact.type === "chain") chains.push(fact);
    else push(elements, setKey(fact), elementText(fact));
  }
  return [
    renderRemoval(),
    ...FAMILIES.map((family) => {
      const sets = SETS.filter((set) => set.family === family).map((set) =>
        setText(set, elements.get(setKey(set)) ?? []),
      );
      const fixed = CHAINS.filter((chain) => chain.family === family).map(chainText);
      const own = chains.filter((chain) => chain.family === family);
      const blocks = [
        ...sets,
        ...own.map(({ name, value }) => chainText({ name, lines: value.split("\n") })),
        ...fixed,
      ];
      return `table ${family} ${RULE_TABLE} {\n${blocks.join("\n")}}\n`;
    }),
  ].join("\n");
}

/** Takes our tables away, if they are there. */
export const renderRemoval = (): string =>
  FAMILIES.map((family) => `add table ${family} ${RULE_TABLE}\ndelete table ${family} ${RULE_TABLE}\n`).join("");

/** One transaction that makes these changes and touches nothing else. */
export function renderChanges(changes: readonly RuleChange[]): string {
  const removed = new Map<string, string[]>();
  const added = new Map<string, string[]>();
  const filled: string[] = [];
  const emptied: string[] = [];
  for (const { before, after } of changes) {
    const fact = after ?? before;
    if (fact === undefined) continue;
    if (fact.type === "chain") {
      const name = `${fact.family} ${RULE_TABLE} ${fact.name}`;
      if (after === undefined) emptied.push(`flush chain ${name}`, `delete chain ${name}`);
      else
        filled.push(
          `add chain ${name}`,
          `flush chain ${name}`,
          ...rulesOf(after).map((rule) => `add rule ${name} ${rule}`),
        );
    } else {
      if (before !== undefined) push(removed, setKey(before), before.element);
      if (after !== undefined) push(added, setKey(after), elementText(after));
    }
  }
  const elements = (verb: string, bySet: ReadonlyMap<string, readonly string[]>) =>
    [...bySet].map(([set, members]) => `${verb} element ${set} { ${members.join(", ")} }`);
  const lines = [...elements("delete", removed), ...filled, ...elements("add", added), ...emptied];
  return lines.map((line) => `${line}\n`).join("");
}

const rulesOf = ({ value }: RuleFact): readonly string[] => value.split("\n");

const setKey = ({ family, name }: { readonly family: Family; readonly name: string }): string =>
  `${family} ${RULE_TABLE} ${name}`;

const elementText = ({ element, value }: RuleFact): string => (value === "" ? element : `${element} : ${value}`);

function push(lists: Map<string, string[]>, key: string, item: string): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

function setText({ kind, name, declaration, purpose }: SetDeclaration, elements: readonly string[]): string {
  const members = elements.length === 0 ? "" : `    elements = {\n${indented(elements.join(",\n"), 6)}    }\n`;
  return `  # ${purpose}\n  ${kind} ${name} {\n    ${declaration}\n${members}  }\n`;
}

const chainText = ({ name, lines }: Pick<ChainDeclaration, "name" | "lines">): string =>
  `  chain ${name} {\n${indented(lines.join("\n"), 4)}  }\n`;

const indented = (text: string, spaces: number): string =>
  text
    .split("\n")
    .map((line) => `${" ".repeat(spaces)}${line}\n`)
    .join("");
