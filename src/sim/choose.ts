import { type Random, randomInt } from "#base/random.ts";

/** Whether something of this probability happens. */
export const chance = (random: Random, probability: number): boolean => random.next() < probability;

/** One of the choices; there must be at least one. */
export function pick<T>(random: Random, choices: readonly T[]): T {
  const [chosen] = choices.slice(randomInt(random, 0, choices.length));
  if (chosen === undefined) throw new Error("nothing to choose from");
  return chosen;
}

/** One of the choices, or undefined when there is none. */
export const pickAny = <T>(random: Random, choices: readonly T[]): T | undefined =>
  choices.length === 0 ? undefined : pick(random, choices);

/** One of the entries, each as likely as its weight says. */
export function pickWeighted<T>(random: Random, entries: readonly (readonly [weight: number, choice: T])[]): T {
  const total = entries.reduce((sum, [weight]) => sum + weight, 0);
  let left = random.next() * total;
  for (const [weight, choice] of entries) {
    left -= weight;
    if (left < 0) return choice;
  }
  return pick(
    random,
    entries.map(([, choice]) => choice),
  );
}
