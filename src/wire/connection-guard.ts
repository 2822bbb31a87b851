import type { Socket } from "node:net";

/**
 * Counts the connections of which it is not known that a node of the cluster holds them, from the first packet on, so
 * that strangers (or a broken client) run into a bound of their own and not into the nodes' room.
 */
export class ConnectionGuard {
  readonly #mostPerAddress: number;
  readonly #most: number;
  readonly #strangers = new Map<string, string>();
  readonly #perAddress = new Map<string, number>();

  constructor(limits: { readonly perAddress: number; readonly total: number }) {
    this.#mostPerAddress = limits.perAddress;
    this.#most = limits.total;
  }

  /** Counts a new connection until it closes or is recognised. @returns false when there is no room for it. */
  admit(socket: Pick<Socket, "remoteAddress" | "remotePort" | "once">): boolean {
    const { remoteAddress = "" } = socket;
    const count = this.#perAddress.get(remoteAddress) ?? 0;
    if (count >= this.#mostPerAddress || this.#strangers.size >= this.#most) return false;
    const key = endpoint(socket);
    this.#strangers.set(key, remoteAddress);
    this.#perAddress.set(remoteAddress, count + 1);
    socket.once("close", () => this.#forget(key));
    return true;
  }

  /** The connection is a node's: it counts no more. */
  recognise(socket: Pick<Socket, "remoteAddress" | "remotePort">): void {
    this.#forget(endpoint(socket));
  }

  get size(): number {
    return this.#strangers.size;
  }

  #forget(key: string): void {
    const address = this.#strangers.get(key);
    if (address === undefined) return;
    this.#strangers.delete(key);
    const rest = (this.#perAddress.get(address) ?? 1) - 1;
    if (rest === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, rest);
  }
}

/** The other end, while it is connected: the TLS socket and the TCP socket beneath it have it in common. */
const endpoint = (socket: Pick<Socket, "remoteAddress" | "remotePort">): string =>
  `${socket.remoteAddress} ${socket.remotePort}`;
