import type { Kind, Revision, StoreObject } from "#model/objects.ts";
import type { Codec } from "#store/store.ts";
import { uniqueName } from "#store/unique-name.ts";
import { unwrap } from "./envelope.ts";
import type { KeyValue } from "./generated/etcdserverpb/rpc_pb.ts";
import type { KeySpace } from "./keys.ts";

/** How the objects of one cluster lie in its etcd: under which keys, in which form, and what their versions are. */
export class Layout {
  readonly keys: KeySpace;
  readonly codec: Codec;
  /**
   * What the store's revisions are ahead of etcd's: the last revision of the store from which this one was filled. So
   * versions at or below it are those of objects that have not changed since.
   */
  readonly base: Revision;

  constructor(keys: KeySpace, codec: Codec, base: Revision) {
    this.keys = keys;
    this.codec = codec;
    this.base = base;
  }

  revision(ofEtcd: bigint): Revision {
    return this.base + Number(ofEtcd);
  }

  etcdRevision(revision: Revision): bigint {
    return BigInt(revision - this.base);
  }

  version({ value, modRevision }: Pick<KeyValue, "value" | "modRevision">): Revision {
    return unwrap(value).imported || this.revision(modRevision);
  }

  /**
   * The object of a key, deeply frozen; undefined when only newer versions know its kind.
   * @throws FlotillaError `internal` when it cannot be read.
   */
  decode(kv: Pick<KeyValue, "key" | "value" | "modRevision">): StoreObject | undefined {
    const address = this.keys.parseObject(kv.key);
    return address && this.codec.decode(unwrap(kv.value).sealed, { ...address, version: this.version(kv) });
  }

  /** The key that stands for the object's unique name, when it has one. */
  nameKey(object: StoreObject): string | undefined {
    const name = uniqueName(object);
    return name === undefined ? undefined : this.nameKeyOf(object.kind, name);
  }

  /** @param name a result of `uniqueName`. */
  nameKeyOf(kind: Kind, name: string): string {
    return this.keys.name(kind, this.codec.digest(`${kind}/${name}`));
  }
}
