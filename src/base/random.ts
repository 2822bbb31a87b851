import { randomBytes, randomInt as systemInt } from "node:crypto";

/** Randomness as a dependency, so that a simulated cluster is a function of its seed. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** `size` random bytes. */
  bytes(size: number): Uint8Array;
}

/** The most that `crypto.randomInt` gives, which asks the system for many at once. */
const RANGE = 2 ** 48 - 1;

/** The operating system's randomness: good enough for keys. */
export const systemRandom: Random = {
  next: () => systemInt(RANGE) / RANGE,
  bytes: (size) => randomBytes(size),
};

/** A repeatable sequence (mulberry32). Never use it for keys outside tests. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, bytes: (size) => Uint8Array.from({ length: size }, () => Math.floor(next() * 256)) };
}

/** An integer in [low, high), uniformly. */
export const randomInt = (random: Random, low: number, high: number): number =>
  low + Math.floor(random.next() * (high - low));
