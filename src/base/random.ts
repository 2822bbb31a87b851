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
  bytes: (size) => (size <= MOST_POOLED_BYTES ? pooledBytes(size) : randomBytes(size)),
};

/** Every stored value is sealed with a new nonce: asking the system for each would take longer than sealing it. */
const MOST_POOLED_BYTES = 64;
const POOL_BYTES = 4_096;
let pool = Buffer.alloc(0);

/** What was given out is not kept: it may become a key. */
function pooledBytes(size: number): Uint8Array {
  if (pool.length < size) pool = randomBytes(POOL_BYTES);
  const bytes = Uint8Array.from(pool.subarray(0, size));
  pool.fill(0, 0, size);
  pool = pool.subarray(size);
  return bytes;
}

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
