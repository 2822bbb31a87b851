import { createServer } from "node:http";
import { type Duplex, duplexPair } from "node:stream";
import type { Listeners } from "./listener.ts";

/** The way into this daemon's API for other daemons, for what concerns this node alone. It listens nowhere. */
export class NodeDoor {
  readonly #server = createServer({ requestTimeout: 0, keepAliveTimeout: 0 });
  readonly #connections = new WeakSet<object>();

  open({ onRequest, onUpgrade }: Listeners): void {
    this.#server.on("request", onRequest).on("upgrade", onUpgrade);
  }

  /** Whether a connection came through this door. */
  has(connection: object): boolean {
    return this.#connections.has(connection);
  }

  async connect(): Promise<Duplex> {
    const [near, far] = duplexPair();
    this.#connections.add(far);
    this.#server.emit("connection", far);
    return near;
  }
}
