import { setImmediate } from "node:timers";
import { isEphemeral, type Revision } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import type { Change } from "#model/view.ts";
import { objectAfter } from "./change.ts";
import { Draft } from "./draft.ts";
import { judge } from "./judge.ts";
import { type Committer, LocalStore } from "./local-store.ts";
import { type EncodedChange, type EncodedCommit, SqliteFile } from "./sqlite-file.ts";
import type { StoreState } from "./state.ts";
import type { Codec, Commit, CommitResult, Store, StoreOptions } from "./store.ts";
import { openWriteAheadLog } from "./write-ahead-log.ts";

export interface SqliteOptions extends StoreOptions {
  /** Takes the room for the write-ahead log at once, which makes commits faster. Default: false. */
  readonly reserveLog?: boolean;
}

/**
 * Opens the store in the file at `path`, and makes it when there is none. All objects are read into memory, from where
 * they are served; the file is only written.
 *
 * @throws FlotillaError `unavailable` when the file cannot be used now, `internal` when it is damaged or was sealed with
 * another key, `precondition` when another version of the product wrote it.
 */
export async function openSqliteStore(path: string, codec: Codec, options: SqliteOptions = {}): Promise<Store> {
  const file = SqliteFile.open(path, (of) => openWriteAheadLog(of, options.reserveLog === true));
  try {
    const state = file.load(codec);
    return new LocalStore(state, new GroupCommitter(state, file, codec), options);
  } catch (err) {
    file.close();
    throw err;
  }
}

interface Request {
  readonly operations: readonly Operation[];
  readonly signal: AbortSignal;
  readonly answer: PromiseWithResolvers<CommitResult>;
}

/** An answer that holds once `commit` is on disk and applied; without one, nothing changes. */
interface Outcome {
  readonly request: Request;
  readonly result: CommitResult;
  readonly commit?: Commit;
  /** What of the commit is for the disk. */
  readonly write?: EncodedCommit;
}

/**
 * Commits that are asked for in the same turn of the event loop share one transaction, and so one wait for the disk.
 * They are judged in order, each on top of those before it; the state changes only when all of them are on disk.
 */
class GroupCommitter implements Committer {
  readonly #state: StoreState;
  readonly #file: SqliteFile;
  readonly #codec: Codec;
  #queue: Request[] = [];

  constructor(state: StoreState, file: SqliteFile, codec: Codec) {
    this.#state = state;
    this.#file = file;
    this.#codec = codec;
  }

  commit(operations: readonly Operation[], signal: AbortSignal): Promise<CommitResult> {
    const answer = Promise.withResolvers<CommitResult>();
    if (this.#queue.length === 0) setImmediate(() => this.#flush());
    this.#queue.push({ operations, signal, answer });
    return answer.promise;
  }

  async close(): Promise<void> {
    this.#flush();
    this.#state.leases.clear();
    this.#file.close();
  }

  #flush(): void {
    const requests = this.#queue;
    this.#queue = [];
    const outcomes = this.#judgeAll(requests);
    try {
      const writes = outcomes.flatMap(({ write }) => write ?? []);
      if (writes.length > 0) this.#file.write(writes);
    } catch (err) {
      for (const { request } of outcomes) request.answer.reject(err);
      return;
    }
    for (const { request, result, commit } of outcomes) {
      if (commit) {
        this.#state.leases.attach(request.operations);
        this.#state.apply(commit);
      }
      request.answer.resolve(result);
    }
  }

  #judgeAll(requests: readonly Request[]): Outcome[] {
    const outcomes: Outcome[] = [];
    const draft = new Draft(this.#state.objects);
    let revision = this.#state.revision;
    for (const request of requests) {
      try {
        request.signal.throwIfAborted();
        const outcome = this.#judge(request, draft, revision);
        outcomes.push(outcome);
        if (outcome.commit === undefined) continue;
        revision = outcome.commit.revision;
        for (const change of outcome.commit.changes) draft.apply(change);
      } catch (err) {
        request.answer.reject(err);
      }
    }
    return outcomes;
  }

  #judge(request: Request, draft: Draft, current: Revision): Outcome {
    const revision = current + 1;
    const verdict = judge(request.operations, draft, revision);
    this.#state.leases.check(request.operations);
    if (!verdict.ok) return { request, result: verdict };
    const { changes } = verdict;
    if (changes.length === 0) return { request, result: { ok: true, revision: current } };
    const durable = changes.filter(({ kind }) => !isEphemeral(kind));
    return {
      request,
      result: { ok: true, revision },
      commit: { revision, changes },
      ...(durable.length > 0 && { write: { revision, changes: durable.map((change) => this.#encode(change)) } }),
    };
  }

  #encode(change: Change): EncodedChange {
    const object = objectAfter(change);
    return object ? { change, value: this.#codec.encode(object) } : { change };
  }
}
