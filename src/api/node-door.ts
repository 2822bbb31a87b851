import { createServer } from "node:http";
import { type Duplex, duplexPair } from "node:stream";
import type { CallScope } from "./call.ts";
import type { Listeners } from "./listener.ts";

/** The way into this daemon's API for other daemons. It listens nowhere. */
export class NodeDoor {
  readonly #server = createServer({ requestTimeout: 0, keepAliveTimeout: 0 });
  readonly #scopes = new WeakMap<object, CallScope>();

  open({ onRequest, onUpgrade }: Listeners): void {
    this.#server.on("request", onRequest).on("upgrade", onUpgrade);
  }

  /** What calls on a connection are about: what came by another door is a client's. */
  scopeOf(connection: object): CallScope {
    return this.#scopes.get(connection) ?? "cluster";
  }

  async connect(scope: CallScope): Promise<Duplex> {
    const [near, far] = duplexPair();
    this.#scopes.set(far, scope);
    this.#server.emit("connection", far);
    return near;
  }
}
