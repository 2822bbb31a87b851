import { type Random, randomInt } from "#base/random.ts";

/** One of them, each as likely as another. */
export function pick<T>(random: Random, all: readonly T[]): T {
  const found = all[randomInt(random, 0, all.length)];
  if (found === undefined) throw new Error("there is nothing to pick from");
  return found;
}
