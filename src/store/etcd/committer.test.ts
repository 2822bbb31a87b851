import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ManualClock } from "#base/manual-clock.ts";
import { systemRandom } from "#base/random.ts";
import type { Operation } from "#model/operation.ts";
import { plainCodec } from "#store/codec.ts";
import { ObjectTable } from "#store/object-table.ts";
import { Progress } from "#store/progress.ts";
import { task } from "#store/testing/samples.ts";
import type { EtcdClient } from "./client.ts";
import { Committer } from "./committer.ts";
import { fromEtcd } from "./errors.ts";
import { TxnResponseSchema } from "./generated/etcdserverpb/rpc_pb.ts";
import { keySpace } from "./keys.ts";
import { Layout } from "./layout.ts";
import type { Mirror } from "./mirror.ts";
import { OwnWrites } from "./own-writes.ts";
import { Patience } from "./patience.ts";

const { signal } = new AbortController();
const UPDATE: Operation = { type: "update", object: task("t1"), expect: 7 };

/** A committer whose calls come out as they are told to. */
function bed(...outcomes: readonly (() => unknown)[]) {
  const clock = new ManualClock();
  let calls = 0;
  const client: Pick<EtcdClient, "call"> = { call: async () => outcomes[calls++]?.() as never };
  const mirror: Pick<Mirror, "objects" | "progress" | "revision"> = {
    objects: new ObjectTable(),
    progress: new Progress(7),
    revision: 7,
  };
  const committer = new Committer({
    clock,
    client: client as EtcdClient,
    layout: new Layout(keySpace("/test/"), plainCodec, 0),
    mirror: mirror as Mirror,
    ownWrites: new OwnWrites(),
    patience: new Patience(clock, systemRandom),
  });
  return { clock, committer, calls: () => calls };
}

test("a try in doubt that is refused when it is repeated, and had not been made, is not repeated for ever", async () => {
  const broken = () => {
    throw fromEtcd(new ConnectError("http/2 stream closed", Code.Canceled));
  };
  const { clock, committer, calls } = bed(broken, () => create(TxnResponseSchema, { succeeded: false }));
  const commit = assert.rejects(committer.commit([UPDATE], "new", signal), { code: "unavailable" });
  await clock.advance(1_000);
  await commit;
  assert.equal(calls(), 2);
});
