import { type Random, randomInt } from "#base/random.ts";

const ADJECTIVES =
  "able bold brave bright calm clever eager fair fond gentle happy hardy jolly keen kind lively lucid merry nimble noble patient proud quick quiet sharp steady sunny swift vivid wise".split(
    " ",
  );
const SURNAMES =
  "archimedes babbage bohr curie darwin dijkstra einstein euler faraday fermat feynman franklin galileo gauss goodall hamilton hopper hypatia kepler knuth lamport lovelace maxwell mendel newton noether pascal pasteur tesla turing".split(
    " ",
  );

const pick = (words: readonly string[], random: Random): string => words[randomInt(random, 0, words.length)] ?? "";

/** A name for a service that was created without one, in Docker's manner: an adjective and a scientist. */
export const inventServiceName = (random: Random): string => `${pick(ADJECTIVES, random)}_${pick(SURNAMES, random)}`;

/** One number in so many makes a name that is not taken, on any host. */
const NAME_NUMBERS = 1_000_000;

/** A name for a container that was created without one: like Docker's, with a number after it. */
export const inventContainerName = (random: Random): string =>
  `${inventServiceName(random)}${randomInt(random, 0, NAME_NUMBERS)}`;
