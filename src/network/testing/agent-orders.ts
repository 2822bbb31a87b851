/** What a test's process in a namespace can be told to do. Answers are `NAME ADDRESS PORT`: who, and whom it saw. */
export type Order =
  | { readonly type: "serve"; readonly port: number }
  | {
      readonly type: "tcp";
      readonly host: string;
      readonly port: number;
      readonly timeoutMs: number;
      readonly localPort?: number;
      readonly localAddress?: string;
      /** Keeps the connection open under this name. */
      readonly keep?: string;
    }
  | { readonly type: "again"; readonly keep: string; readonly timeoutMs: number }
  | {
      readonly type: "udp";
      readonly host: string;
      readonly port: number;
      readonly timeoutMs: number;
      /** Keeps the socket, and with it the source port. */
      readonly keep?: string;
      readonly localAddress?: string;
    }
  | { readonly type: "send"; readonly host: string; readonly port: number; readonly payload: string };

/** Exactly one of `said` and `failed`; id 0 is the process's first word. */
export interface AskReply {
  readonly id: number;
  readonly said?: string;
  readonly failed?: string;
}
