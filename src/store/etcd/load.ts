import { DURABLE_KINDS, EPHEMERAL_KINDS, type Kind, type StoreObject } from "#model/objects.ts";
import { SharedParts } from "#store/shared-parts.ts";
import type { EtcdClient } from "./client.ts";
import { isPassing } from "./errors.ts";
import type { KeyValue } from "./generated/etcdserverpb/rpc_pb.ts";
import type { Layout } from "./layout.ts";
import { bytes, keyAfter } from "./requests.ts";

export interface Loaded {
  /** etcd's revision at which the objects were read. */
  readonly revision: bigint;
  /** Within a kind in the order of creation. */
  readonly objects: readonly StoreObject[];
}

/** How many objects of a kind are asked for at once: configs and secrets may have a megabyte each. */
const PAGE: Readonly<Partial<Record<Kind, bigint>>> = { config: 16n, secret: 16n };
const DEFAULT_PAGE = 1_000n;

/** Reads all objects as they are at one revision. */
export async function loadObjects(client: EtcdClient, layout: Layout, signal: AbortSignal): Promise<Loaded> {
  const revision = await currentRevision(client, layout, signal);
  const objects: StoreObject[] = [];
  const parts = new SharedParts();
  for (const kind of [...DURABLE_KINDS, ...EPHEMERAL_KINDS]) {
    const found: Found[] = [];
    for await (const page of pages(client, layout, kind, revision, signal)) {
      for (const kv of page) {
        const object = layout.decode(kv);
        if (object) found.push({ object: parts.share(object), createdIn: kv.createRevision });
      }
    }
    objects.push(...found.sort(inOrderOfCreation).map(({ object }) => object));
  }
  return { revision, objects };
}

interface Found {
  readonly object: StoreObject;
  readonly createdIn: bigint;
}

/** Objects that came in one transaction, as those of another store do, are ordered by the time that they bear. */
function inOrderOfCreation(a: Found, b: Found): number {
  if (a.createdIn === b.createdIn) return a.object.createdAt - b.object.createdAt;
  return a.createdIn < b.createdIn ? -1 : 1;
}

/**
 * The newest revision, as far as a majority can be asked; otherwise the one that this member has come to, so that a
 * manager can show what it knows.
 */
async function currentRevision(client: EtcdClient, layout: Layout, signal: AbortSignal): Promise<bigint> {
  const key = bytes(layout.keys.meta);
  const ask = (alone: boolean) =>
    client.read({ what: "reading the store", alone }, signal, (member, options) =>
      member.kv.range({ key, keysOnly: true, serializable: alone }, options),
    );
  const { header } = await ask(false).catch((err: unknown) => {
    signal.throwIfAborted();
    if (!isPassing(err)) throw err;
    return ask(true);
  });
  return header?.revision ?? 0n;
}

/** Reads at a known revision are the same on every member, and so need no majority. */
async function* pages(
  client: EtcdClient,
  layout: Layout,
  kind: Kind,
  revision: bigint,
  signal: AbortSignal,
): AsyncGenerator<readonly KeyValue[]> {
  const { key, end } = layout.keys.objectsOf(kind);
  const rangeEnd = bytes(end);
  const limit = PAGE[kind] ?? DEFAULT_PAGE;
  for (let from: Uint8Array | undefined = bytes(key); from; ) {
    const start: Uint8Array = from;
    const { kvs, more } = await client.read({ what: "reading the store", alone: true }, signal, (member, options) =>
      member.kv.range({ key: start, rangeEnd, limit, revision, serializable: true }, options),
    );
    yield kvs;
    const last = kvs.at(-1);
    from = more && last ? keyAfter(last.key) : undefined;
  }
}
