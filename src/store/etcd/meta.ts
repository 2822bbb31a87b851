import { create } from "@bufbuild/protobuf";
import { FlotillaError } from "#base/errors.ts";
import type { Revision } from "#model/objects.ts";
import type { EtcdClient } from "./client.ts";
import { type RangeResponse, TxnRequestSchema } from "./generated/etcdserverpb/rpc_pb.ts";
import type { KeySpace } from "./keys.ts";
import { bytes, isRangeEmpty, put, read } from "./requests.ts";

/** How the keys and values of a store are to be read. Stored as JSON, so that every version can read it. */
export interface Meta {
  readonly schema: number;
  /** See `Layout`. */
  readonly base: Revision;
}

/** The layout of keys and values. A store of another number is refused. */
const SCHEMA = 1;

/**
 * The meta data of a store. A store without any is begun with `base`, if nothing else has keys where its are to be.
 *
 * @throws FlotillaError `precondition` when another version of the product, or something else, has written there.
 */
export async function openMeta(client: EtcdClient, keys: KeySpace, base: Revision, signal: AbortSignal): Promise<Meta> {
  return (await readMeta(client, keys, true, signal)) ?? (await begin(client, keys, base, signal));
}

async function begin(client: EtcdClient, keys: KeySpace, base: Revision, signal: AbortSignal): Promise<Meta> {
  const meta: Meta = { schema: SCHEMA, base };
  const request = create(TxnRequestSchema, {
    compare: [isRangeEmpty(keys.all)],
    success: [put(keys.meta, bytes(JSON.stringify(meta)))],
    failure: [read(keys.meta)],
  });
  const { succeeded } = await client.call({ what: "setting up the store" }, signal, (member, options) =>
    member.kv.txn(request, options),
  );
  if (succeeded) return meta;
  // Another manager was faster.
  const found = await readMeta(client, keys, false, signal);
  if (found) return found;
  throw new FlotillaError(
    "precondition",
    `etcd has keys under ${keys.all.key} that are not this product's: choose another prefix (--store etcd://…/PREFIX)`,
  );
}

/** @param alone whether what this member has is enough: the meta data never changes. */
async function readMeta(
  client: EtcdClient,
  keys: KeySpace,
  alone: boolean,
  signal: AbortSignal,
): Promise<Meta | undefined> {
  const key = bytes(keys.meta);
  const answer = await client.read({ what: "reading the store", alone }, signal, (member, options) =>
    member.kv.range({ key, serializable: alone }, options),
  );
  return parseMeta(answer);
}

function parseMeta({ kvs: [found] }: RangeResponse): Meta | undefined {
  if (found === undefined) return undefined;
  const { schema, base }: Partial<Meta> = JSON.parse(Buffer.from(found.value).toString());
  if (schema !== SCHEMA || base === undefined) {
    throw new FlotillaError(
      "precondition",
      `the store has schema ${schema}, this version reads ${SCHEMA}: use the version that wrote it, or a newer one`,
    );
  }
  return { schema, base };
}
