import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { aborted } from "#base/abort.ts";
import type { Revision } from "#model/objects.ts";
import { envelopeFloor } from "./envelope.ts";
import {
  type Compare,
  CompareSchema,
  type RequestOp,
  RequestOpSchema,
  Compare_CompareResult as Result,
  Compare_CompareTarget as Target,
  type WatchCreateRequestSchema,
} from "./generated/etcdserverpb/rpc_pb.ts";
import type { KeyRange } from "./keys.ts";

/** The parts that transactions of etcd are made of. */

export const bytes = (text: string): Uint8Array => Buffer.from(text);

/** The key after `key`: nothing lies between them. */
export const keyAfter = (key: Uint8Array): Uint8Array => Buffer.concat([key, Buffer.of(0)]);

export const isAbsent = (key: string): Compare =>
  create(CompareSchema, {
    key: bytes(key),
    target: Target.CREATE,
    result: Result.EQUAL,
    targetUnion: { case: "createRevision", value: 0n },
  });

export const isModifiedAt = (key: string, revision: bigint): Compare =>
  create(CompareSchema, {
    key: bytes(key),
    target: Target.MOD,
    result: Result.EQUAL,
    targetUnion: { case: "modRevision", value: revision },
  });

/** That the key's value is an envelope with this imported version, which is not 0. */
export const isImportedAt = (key: string, version: Revision): Compare[] => [
  compareValue(key, Result.GREATER, envelopeFloor(version)),
  compareValue(key, Result.LESS, envelopeFloor(version + 1)),
];

const compareValue = (key: string, result: Result, value: Uint8Array): Compare =>
  create(CompareSchema, {
    key: bytes(key),
    target: Target.VALUE,
    result,
    targetUnion: { case: "value", value },
  });

/** What becomes of the lease of a key that is written: it gets one, or keeps what it has. */
export type PutLease = { readonly lease: bigint } | { readonly ignoreLease: true };

export const put = (key: string, value: Uint8Array, lease?: PutLease): RequestOp =>
  create(RequestOpSchema, { request: { case: "requestPut", value: { key: bytes(key), value, ...lease } } });

export const remove = (key: string): RequestOp =>
  create(RequestOpSchema, { request: { case: "requestDeleteRange", value: { key: bytes(key) } } });

export const read = (key: string): RequestOp =>
  create(RequestOpSchema, { request: { case: "requestRange", value: { key: bytes(key) } } });

export const isRangeEmpty = ({ key, end }: KeyRange): Compare =>
  create(CompareSchema, {
    key: bytes(key),
    rangeEnd: bytes(end),
    target: Target.CREATE,
    result: Result.EQUAL,
    targetUnion: { case: "createRevision", value: 0n },
  });

/** The requests of a watch, until `signal` aborts: etcd takes the end of the requests for the end of the watch. */
export async function* watchRequest(value: MessageInitShape<typeof WatchCreateRequestSchema>, signal: AbortSignal) {
  yield { requestUnion: { case: "createRequest" as const, value } };
  await aborted(signal);
}
