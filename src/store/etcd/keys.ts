import { KINDS, type Kind } from "#model/objects.ts";

/** Which keys of etcd are whose. */
export interface KeySpace {
  /** Everything of this cluster. */
  readonly all: KeyRange;
  /** What says how the rest is to be read: see `meta.ts`. */
  readonly meta: string;
  /**
   * Written by every commit: its revision is the last commit's, also where others have keys in the same etcd and move
   * etcd's own revision on.
   */
  readonly last: string;
  readonly objects: KeyRange;
  objectsOf(kind: Kind): KeyRange;
  object(kind: Kind, id: string): string;
  /** Whose value is the id of the object that has a name; `digest` stands for the name, which is not to be seen. */
  name(kind: Kind, digest: string): string;
  /** Undefined for keys of kinds that only newer versions know. */
  parseObject(key: Uint8Array): ObjectKey | undefined;
}

export interface ObjectKey {
  readonly kind: Kind;
  readonly id: string;
}

/** From `key`, up to but not with `end`. */
export interface KeyRange {
  readonly key: string;
  readonly end: string;
}

const KNOWN: ReadonlyMap<string, Kind> = new Map(KINDS.map((kind) => [kind, kind]));

/** The keys of a cluster that has all keys which begin with `prefix`; that ends in a slash. */
export function keySpace(prefix: string): KeySpace {
  const objects = `${prefix}objects/`;
  const skipped = Buffer.byteLength(objects);
  return {
    all: startingWith(prefix),
    meta: `${prefix}meta`,
    last: `${prefix}last`,
    objects: startingWith(objects),
    objectsOf: (kind) => startingWith(`${objects}${kind}/`),
    object: (kind, id) => `${objects}${kind}/${id}`,
    name: (kind, digest) => `${prefix}names/${kind}/${digest}`,
    parseObject(key) {
      const path = Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("utf8", skipped);
      const slash = path.indexOf("/");
      const kind = KNOWN.get(path.slice(0, slash));
      return kind && { kind, id: path.slice(slash + 1) };
    },
  };
}

/** All keys that begin with `prefix`, which ends in a slash: it is counted up. */
export const startingWith = (prefix: string): KeyRange => ({ key: prefix, end: `${prefix.slice(0, -1)}0` });
