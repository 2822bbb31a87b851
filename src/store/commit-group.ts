import { isEphemeral, type Kind, type StoreObject } from "#model/objects.ts";
import { objectAfter, objectBefore } from "./change.ts";
import { type Commit, MAX_OPERATIONS } from "./store.ts";

/** What has become of an object. */
export interface Outcome {
  readonly kind: Kind;
  readonly id: string;
  /** Undefined when it was deleted. */
  readonly object: StoreObject | undefined;
}

export const keyOf = ({ kind, id }: Pick<StoreObject, "kind" | "id">): string => `${kind}/${id}`;

/** Characters of JSON in one commit of several. Source: etcd's default --max-request-bytes of 1.5 MiB. */
const MAX_CHARACTERS = 500_000;

/**
 * The outcome of as many of the first `commits` as can be written together, and how many those are: at least one.
 * Consecutive commits may be taken together because names are unique after each of them.
 */
export function groupCommits(commits: readonly Commit[]): {
  readonly outcome: readonly Outcome[];
  readonly count: number;
} {
  const outcome = new Map<string, Outcome>();
  let characters = 0;
  let count = 0;
  for (const commit of commits) {
    const changed = durableOutcome(commit);
    const fresh = changed.filter((each) => !outcome.has(keyOf(each))).length;
    characters += JSON.stringify(changed).length;
    if (count > 0 && (outcome.size + fresh > MAX_OPERATIONS || characters > MAX_CHARACTERS)) break;
    for (const each of changed) outcome.set(keyOf(each), each);
    count++;
  }
  return { outcome: [...outcome.values()], count };
}

/** Objects in groups that can be written together, in their order. */
export function* groupObjects(objects: Iterable<StoreObject>): Iterable<readonly Outcome[]> {
  let group: Outcome[] = [];
  let characters = 0;
  for (const object of objects) {
    if (isEphemeral(object.kind)) continue;
    const { length } = JSON.stringify(object);
    if (group.length === MAX_OPERATIONS || (group.length > 0 && characters + length > MAX_CHARACTERS)) {
      yield group;
      group = [];
      characters = 0;
    }
    group.push({ kind: object.kind, id: object.id, object });
    characters += length;
  }
  if (group.length > 0) yield group;
}

const durableOutcome = ({ changes }: Commit): Outcome[] =>
  changes.flatMap((change): Outcome[] => {
    const object = objectAfter(change) ?? objectBefore(change);
    if (object === undefined || isEphemeral(object.kind)) return [];
    return [{ kind: object.kind, id: object.id, object: objectAfter(change) }];
  });
