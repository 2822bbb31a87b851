import type { Clock } from "#base/clock.ts";
import { errorCode, FlotillaError } from "#base/errors.ts";
import type { Kind, Revision, StoreObject } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import { writtenKeys } from "#store/judge.ts";
import type { CommitResult } from "#store/store.ts";
import { uniqueName } from "#store/unique-name.ts";
import type { EtcdClient } from "./client.ts";
import { CommitQueue } from "./commit-queue.ts";
import { EtcdError } from "./errors.ts";
import type { TxnResponse } from "./generated/etcdserverpb/rpc_pb.ts";
import type { Layout } from "./layout.ts";
import type { Mirror } from "./mirror.ts";
import type { OwnWrites } from "./own-writes.ts";
import type { Patience } from "./patience.ts";
import { bytes } from "./requests.ts";
import {
  foundKeys,
  judgeAnswer,
  objectKey,
  type Replaced,
  revisionAfter,
  sealWrites,
  transaction,
  type Written,
} from "./transaction.ts";

export interface CommitterParts {
  readonly client: EtcdClient;
  readonly layout: Layout;
  readonly mirror: Mirror;
  readonly ownWrites: OwnWrites;
  readonly patience: Patience;
  readonly clock: Clock;
}

type Writes = ReadonlyMap<string, Written>;

/**
 * Makes commits. etcd alone decides whether they hold: what this process knows may be old.
 *
 * A try of which nobody knows whether it succeeded, because the connection broke or etcd's leader changed, is repeated:
 * it cannot be done twice, since each write expects what it replaces. When the repetition is refused, the values tell
 * whether the first try has done it.
 */
export class Committer {
  readonly #parts: CommitterParts;
  readonly #underWay = new Set<Promise<CommitResult>>();
  readonly #queue: CommitQueue;

  constructor(parts: CommitterParts) {
    this.#parts = parts;
    this.#queue = new CommitQueue(
      ({ operations, writes }, signal) => this.#counted(this.#attempts(operations, writes, signal)),
      parts.clock,
    );
  }

  /**
   * Resolves when the mirror has it, too, unless that has ended. One that only checks resolves when the mirror has all
   * that was committed before.
   * @param versions whether objects get the version of the commit, or keep what they have.
   */
  async commit(operations: readonly Operation[], versions: "new" | "kept", signal: AbortSignal): Promise<CommitResult> {
    const { layout, mirror, ownWrites } = this.#parts;
    writtenKeys(operations);
    if (operations.length === 0) return { ok: true, revision: mirror.revision };
    const writes = sealWrites(operations, versions, layout);
    ownWrites.begin(writes);
    try {
      const result = await this.#queue.commit({ operations, writes }, signal);
      if (result.ok) await mirror.progress.wait(result.revision, signal).catch(() => signal.throwIfAborted());
      return result;
    } finally {
      ownWrites.end(writes);
    }
  }

  /** Resolves when etcd has been heard on all commits that were begun. */
  async finish(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  async #counted(attempts: Promise<CommitResult>): Promise<CommitResult> {
    this.#underWay.add(attempts);
    try {
      return await attempts;
    } finally {
      this.#underWay.delete(attempts);
    }
  }

  async #attempts(operations: readonly Operation[], writes: Writes, signal: AbortSignal): Promise<CommitResult> {
    const { patience, layout } = this.#parts;
    let doubt: unknown;
    let answer: TxnResponse | undefined;
    while (answer === undefined) {
      try {
        answer = await this.#send(operations, writes, signal);
      } catch (err) {
        if (errorCode(err) === "not_found")
          throw new FlotillaError("unavailable", "the lease has ended", { cause: err });
        if (err instanceof EtcdError && err.failure.done === "maybe") {
          const made = err.failure.passing ? undefined : await this.#find(writes, signal);
          if (made !== undefined) return { ok: true, revision: made };
          doubt ??= err;
        }
        await patience.afterFailure(err, signal);
      }
    }
    patience.succeeded();
    if (answer.succeeded) return { ok: true, revision: revisionAfter(answer, layout) };
    return doubt === undefined ? this.#refusal(operations, answer) : this.#afterDoubt(doubt, writes, answer);
  }

  async #send(operations: readonly Operation[], writes: Writes, signal: AbortSignal): Promise<TxnResponse> {
    const { client, layout } = this.#parts;
    const request = transaction(operations, writes, await this.#replaced(operations, signal), layout);
    return client.call({ what: "writing to the store" }, signal, (member, options) => member.kv.txn(request, options));
  }

  /** The revision of a write that is there although etcd answered with an error; undefined when it is not. */
  async #find(writes: Writes, signal: AbortSignal): Promise<Revision | undefined> {
    const { client, layout } = this.#parts;
    for (const { object, value } of writes.values()) {
      const key = bytes(layout.keys.object(object.kind, object.id));
      const { kvs } = await client.read({ what: "reading the store" }, signal, (member, options) =>
        member.kv.range({ key }, options),
      );
      const [kv] = kvs;
      return kv && Buffer.compare(kv.value, value) === 0 ? layout.revision(kv.modRevision) : undefined;
    }
    return undefined;
  }

  #refusal(operations: readonly Operation[], answer: TxnResponse): CommitResult {
    const verdict = judgeAnswer(operations, answer, this.#parts.layout);
    if (!verdict.ok) return verdict;
    throw new FlotillaError("internal", "the store refused a write for no reason: its names do not fit its objects");
  }

  /** The answer of a try that was refused after one whose outcome is not known. */
  #afterDoubt(doubt: unknown, writes: Writes, answer: TxnResponse): CommitResult {
    const { layout } = this.#parts;
    const found = foundKeys(answer);
    for (const { object, value } of writes.values()) {
      const kv = found.get(layout.keys.object(object.kind, object.id));
      if (kv && Buffer.compare(kv.value, value) === 0) return { ok: true, revision: layout.revision(kv.modRevision) };
    }
    throw doubt;
  }

  /** What the commit expects to replace, as far as names matter; what is at another version will be refused. */
  async #replaced(operations: readonly Operation[], signal: AbortSignal): Promise<Replaced> {
    const replaced = new Map<string, StoreObject>();
    for (const operation of operations) {
      if (operation.type !== "update" && operation.type !== "delete") continue;
      const address = operation.type === "update" ? operation.object : operation;
      const known: StoreObject | undefined = this.#parts.mirror.objects.get<Kind>(address.kind, address.id);
      const sample = operation.type === "update" ? operation.object : known;
      if (sample && uniqueName(sample) === undefined) continue;
      const object = known?.version === operation.expect ? known : await this.#fetch(address, signal);
      if (object?.version === operation.expect) replaced.set(objectKey(object), object);
    }
    return replaced;
  }

  async #fetch(address: Pick<StoreObject, "kind" | "id">, signal: AbortSignal): Promise<StoreObject | undefined> {
    const { client, layout } = this.#parts;
    const key = bytes(layout.keys.object(address.kind, address.id));
    const { kvs } = await client.read({ what: "reading the store" }, signal, (member, options) =>
      member.kv.range({ key }, options),
    );
    const [found] = kvs;
    return found && layout.decode(found);
  }
}
