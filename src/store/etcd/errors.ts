import { Code, ConnectError } from "@connectrpc/connect";
import { type ErrorCode, FlotillaError } from "#base/errors.ts";
import { NO_MAJORITY } from "#store/no-majority.ts";

/** What is known of a call that failed. */
export interface EtcdFailure {
  readonly code: ErrorCode;
  readonly message: string;
  /** Whether etcd may have done what it was asked to: for many failures nobody knows. */
  readonly done: "no" | "maybe";
  /** Whether the same call may succeed soon. */
  readonly passing: boolean;
}

const refused = (code: ErrorCode, message: string): EtcdFailure => ({ code, message, done: "no", passing: false });
const passing = (message: string, done: "no" | "maybe"): EtcdFailure => ({
  code: "unavailable",
  message,
  done,
  passing: true,
});

/** Words of etcd, and what they mean. Source: github.com/etcd-io/etcd, api/v3rpc/rpctypes/error.go. */
const FAILURES: readonly (readonly [RegExp, EtcdFailure])[] = [
  [/: no leader$/, passing(NO_MAJORITY, "no")],
  [/leader changed|leader failure|connection lost/, passing(NO_MAJORITY, "maybe")],
  [/too many requests/, passing("the store has too many requests at once", "no")],
  [
    /database space exceeded/,
    {
      ...refused(
        "unavailable",
        "the store is full: delete what is not needed, or give etcd more room (--quota-backend-bytes)",
      ),
      // The write that reaches the quota is made, and answered in the same way as those after it.
      done: "maybe",
    },
  ],
  [
    /request is too large|too many operations/,
    refused("invalid", "the store refuses a write of this size: see --max-request-bytes and --max-txn-ops of etcd"),
  ],
  [/lease not found/, refused("not_found", "the lease has ended")],
  [/required revision has been compacted/, refused("not_found", "the store has forgotten that part of its history")],
  [/member not found/, refused("not_found", "the store has no such member")],
  [/Peer URLs already exists|member ID already exist/, refused("exists", "the store has that member already")],
  [/can only promote a learner member$/, refused("exists", "the member has been promoted already")],
  [/in sync with leader/, passing("the new member of the store is still catching up", "no")],
  [/too many learner/, passing("another manager is joining: the store takes in one at a time", "no")],
  [
    /not enough started members|unhealthy cluster/,
    passing("not enough members of the store are online to change its membership", "no"),
  ],
  [/corrupt/, refused("internal", "the store says that its members differ: restore it from a backup")],
  [
    /permission denied|invalid auth token|user name is empty|authentication failed/,
    refused("unavailable", "the store does not let this daemon in: give it the certificate of a user that may write"),
  ],
];

/** What the failure of a call to etcd means; undefined for what is not one. */
export function etcdFailure(err: unknown): EtcdFailure | undefined {
  if (isTimeout(err)) return passing(err.message, "maybe");
  if (!(err instanceof ConnectError)) return undefined;
  const known = FAILURES.find(([words]) => words.test(err.rawMessage));
  if (known) return known[1];
  if (err.code === Code.InvalidArgument || err.code === Code.FailedPrecondition) {
    return refused("internal", `the store refused a request: ${err.rawMessage}`);
  }
  return passing(`the store cannot be reached: ${err.rawMessage}`, "maybe");
}

/** A call that had no answer in time was cut off by our own clock. */
const isTimeout = (err: unknown): err is FlotillaError => err instanceof FlotillaError && err.code === "unavailable";

/** An error of the store that says whether the call was made, and whether to try again. */
export class EtcdError extends FlotillaError {
  readonly failure: EtcdFailure;

  constructor(failure: EtcdFailure, cause: unknown) {
    super(failure.code, failure.message, { cause });
    this.failure = failure;
  }
}

/** Our form of any error of a call to etcd. */
export function fromEtcd(err: unknown): unknown {
  if (err instanceof EtcdError) return err;
  const failure = etcdFailure(err);
  return failure ? new EtcdError(failure, err) : err;
}

/** Whether the same call may succeed soon. */
export const isPassing = (err: unknown): boolean => err instanceof EtcdError && err.failure.passing;
