import type { Wanted } from "#network/wanted.ts";
import type { LinkChange } from "./link-commands.ts";
import type { LinkFact, LinkTable } from "./link-fact.ts";

/** What of ours may be taken out when nobody wants it: the rest goes with its device, or is the engine's. */
const REMOVABLE: ReadonlySet<string> = new Set<LinkTable>(["tunnel", "address", "neighbour", "forwarding"]);

/**
 * How the kernel, which holds `held`, becomes what is wanted, as far as the bridges exist. Of the given keys only.
 * An entry of another value is replaced; a tunnel cannot be: it is made anew, with all that goes with it.
 */
export function linkDifference(
  wanted: Pick<Wanted<LinkFact>, "get" | "values">,
  held: ReadonlyMap<string, string>,
  bridges: ReadonlySet<string>,
  keys: Iterable<string>,
): readonly LinkChange[] {
  const gone = new Set<string>();
  const changes: LinkChange[] = [];
  for (const key of keys) {
    const [fact, value] = [wanted.get(key), held.get(key)];
    if (fact?.table === "setting") continue; // read and written as files
    if (fact === undefined ? value === undefined : fact.value === value || !canExist(fact, bridges)) continue;
    if (fact === undefined || (fact.table === "tunnel" && value !== undefined)) {
      const old = parseKey(key, value ?? "");
      if (!REMOVABLE.has(old.table)) continue;
      changes.push({ type: "remove", fact: old });
      if (old.table === "tunnel") gone.add(old.name);
    }
    if (fact !== undefined) changes.push({ type: "put", fact });
  }
  if (gone.size === 0) return changes;
  const isMoot = ({ type, fact }: LinkChange) =>
    type === "remove" && fact.table !== "tunnel" && gone.has(deviceOf(fact.name));
  const lost = [...wanted.values()].filter(
    (fact) => fact.tunnel !== undefined && gone.has(fact.tunnel) && fact.table !== "tunnel" && canExist(fact, bridges),
  );
  const put = new Set(changes.flatMap(({ type, fact }) => (type === "put" ? `${fact.table} ${fact.name}` : [])));
  return [
    ...changes.filter((change) => !isMoot(change)),
    ...lost.filter(({ key }) => !put.has(key)).map((fact): LinkChange => ({ type: "put", fact })),
  ];
}

const canExist = ({ bridge }: LinkFact, bridges: ReadonlySet<string>): boolean =>
  bridge === undefined || bridges.has(bridge);

/** The entry that a key stands for. */
function parseKey(key: string, value: string): LinkChange["fact"] & { readonly table: LinkTable } {
  const space = key.indexOf(" ");
  return { table: key.slice(0, space) as LinkTable, name: key.slice(space + 1), value };
}

const deviceOf = (name: string): string => / dev (\S+)/.exec(name)?.[1] ?? name;
