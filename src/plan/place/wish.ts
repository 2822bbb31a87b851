import { FlotillaError } from "#base/errors.ts";
import type { Labels } from "#model/spec.ts";
import { type Expression, parseExpression } from "./expression.ts";

/** What users may say of where a single container is to run. Source: fact sheet classic-swarm 1 and 7. */
export interface PlacementWishes {
  readonly constraints: readonly Expression[];
  readonly affinities: readonly Expression[];
  readonly whitelists: readonly Expression[];
  readonly reschedule: ReschedulePolicy;
}

export type ReschedulePolicy = "off" | "on-node-failure";

const PREFIX = "com.docker.swarm.";
/** The label by which clients of classic Swarm know a container wherever it is: 64 hexadecimal digits. */
export const SWARM_ID_LABEL = `${PREFIX}id`;
/** The word before the colon in an environment variable, and the label in which the same is kept. */
const LABEL_OF = {
  constraint: `${PREFIX}constraints`,
  affinity: `${PREFIX}affinities`,
  whitelist: `${PREFIX}whitelists`,
  reschedule: `${PREFIX}reschedule-policies`,
} as const;

type Word = keyof typeof LABEL_OF;

const isWord = (text: string): text is Word => Object.hasOwn(LABEL_OF, text);

export interface Extracted {
  readonly wishes: PlacementWishes;
  /** The environment without what was meant for the cluster. */
  readonly env: readonly string[];
  /** The labels with all that was said, so that it is known when the container has to move. */
  readonly labels: Labels;
}

/**
 * Takes the wishes out of a container's environment and labels.
 * @throws FlotillaError `invalid` for an expression or a policy that is none.
 */
export function extractWishes(env: readonly string[], labels: Labels): Extracted {
  const said: Record<Word, string[]> = { constraint: [], affinity: [], whitelist: [], reschedule: [] };
  for (const [word, label] of Object.entries(LABEL_OF)) if (isWord(word)) said[word] = readList(labels[label]);
  const kept: string[] = [];
  for (const variable of env) {
    const [, word = "", rest = ""] = /^([a-z]+):(.*)$/s.exec(variable) ?? [];
    if (isWord(word)) said[word].push(rest);
    else kept.push(variable);
  }
  const lists = Object.entries(said).flatMap(([word, list]) =>
    list.length > 0 && isWord(word) ? [[LABEL_OF[word], JSON.stringify(list)] as const] : [],
  );
  return {
    wishes: {
      constraints: said.constraint.map(parseExpression),
      affinities: said.affinity.map(parseExpression),
      whitelists: said.whitelist.map(parseExpression),
      reschedule: parsePolicy(said.reschedule),
    },
    env: kept,
    labels: { ...labels, ...Object.fromEntries(lists) },
  };
}

/** A label that is no list of strings says nothing: classic Swarm's own tests have such labels. */
function readList(label: string | undefined): string[] {
  if (label === undefined) return [];
  try {
    const list: unknown = JSON.parse(label);
    return Array.isArray(list) ? list.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}

/** The policy of a container that is there: labels that no creation would have taken say nothing. */
export function policyOf(labels: Labels): ReschedulePolicy {
  const [policy, ...others] = new Set(readList(labels[LABEL_OF.reschedule]));
  return policy === "on-node-failure" && others.length === 0 ? policy : "off";
}

function parsePolicy(policies: readonly string[]): ReschedulePolicy {
  const [policy = "off", ...others] = new Set(policies);
  if (others.length > 0) throw new FlotillaError("invalid", "too many reschedule policies");
  if (policy === "off" || policy === "on-node-failure") return policy;
  throw new FlotillaError("invalid", `invalid reschedule policy: ${policy}`);
}
