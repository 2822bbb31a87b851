import type { Revision } from "#model/objects.ts";

/**
 * The value of an object's key: the version that the object had in another store, 8 bytes, big-endian, and what the
 * codec made of the object. Zero stands for the version that follows from etcd's revision, which nobody knows before
 * the value is written. The number comes first so that etcd itself can compare it.
 */
export interface Envelope {
  readonly imported: Revision;
  readonly sealed: Uint8Array;
}

const VERSION_BYTES = 8;

/** Less than the value of any object whose imported version is `version`, and not less than any of lower ones. */
export function envelopeFloor(version: Revision): Uint8Array {
  const floor = Buffer.alloc(VERSION_BYTES);
  floor.writeBigUInt64BE(BigInt(version));
  return floor;
}

export const wrap = (sealed: Uint8Array, imported: Revision = 0): Uint8Array =>
  Buffer.concat([envelopeFloor(imported), sealed]);

/** A value that is too short comes back as it is: the codec refuses it, and knows the object's name. */
export function unwrap(value: Uint8Array): Envelope {
  if (value.length < VERSION_BYTES) return { imported: 0, sealed: value };
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return { imported: Number(bytes.readBigUInt64BE()), sealed: bytes.subarray(VERSION_BYTES) };
}
