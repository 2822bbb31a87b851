import { type Random, randomInt } from "#base/random.ts";

/** Ids of cluster objects: 25 characters of `[0-9a-z]`, as Docker prints them. */
export type NodeId = string;
export type ServiceId = string;
export type TaskId = string;
export type SecretId = string;
export type ConfigId = string;
export type NetworkId = string;

const ID_LENGTH = 25;
const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz";

/** A new id: 25 base-36 digits, about 129 bits (source: swarmkit identity/randomid.go). */
export function newId(random: Random): string {
  let id = "";
  for (let digit = 0; digit < ID_LENGTH; digit++) id += DIGITS[randomInt(random, 0, DIGITS.length)];
  return id;
}

/** Whether `text` has the form of an id. */
export const isId = (text: string): boolean => /^[0-9a-z]{25}$/.test(text);
