import type { LinkFact, LinkTable } from "./link-fact.ts";

/** Lines for `ip -batch`, then lines for `bridge -batch`. */
export interface LinkCommands {
  readonly ip: readonly string[];
  readonly bridge: readonly string[];
}

/** An entry to put in (in place of another of its key, if there is one), or to take out. */
export interface LinkChange {
  readonly type: "put" | "remove";
  readonly fact: Pick<LinkFact, "table" | "name" | "value">;
}

type Words = (name: string, value: string) => readonly string[];

interface Commands {
  readonly tool: "ip" | "bridge";
  readonly put: Words;
  /** Nothing for what goes with its device. */
  readonly remove: Words;
}

const nothing: Words = () => [];

const COMMANDS: Readonly<Record<Exclude<LinkTable, "setting">, Commands>> = {
  tunnel: {
    tool: "ip",
    put: (name, value) => [`link add ${name} ${value}`],
    remove: (name) => [`link del ${name}`],
  },
  port: { tool: "ip", put: (name, value) => [`link set dev ${name} ${value}`], remove: nothing },
  bridge: { tool: "ip", put: (name, value) => [`link set dev ${name} ${value}`], remove: nothing },
  address: { tool: "ip", put: (name) => [`addr replace ${name}`], remove: (name) => [`addr del ${name}`] },
  neighbour: {
    tool: "ip",
    put: (name, value) => [`neigh replace ${name} ${value} nud permanent`],
    remove: (name) => [`neigh del ${name}`],
  },
  hairpin: { tool: "bridge", put: (name, value) => [`link set dev ${name} ${value}`], remove: nothing },
  forwarding: {
    tool: "bridge",
    put: (name, value) => [`fdb replace ${name} ${value}`],
    remove: (name) => [`fdb del ${name}`],
  },
};

const ORDER = Object.keys(COMMANDS);

/** Removals come first, in the opposite order: a device goes after what hangs on it. */
export function linkCommands(changes: readonly LinkChange[]): LinkCommands {
  const ip: string[] = [];
  const bridge: string[] = [];
  const rank = ({ type, fact }: LinkChange) => (type === "put" ? 1 : -1) * (1 + ORDER.indexOf(fact.table));
  for (const { type, fact } of changes.toSorted((a, b) => rank(a) - rank(b))) {
    const { table, name, value } = fact;
    if (table === "setting") continue; // no tool's business
    (COMMANDS[table].tool === "ip" ? ip : bridge).push(...COMMANDS[table][type](name, value));
  }
  return { ip, bridge };
}
