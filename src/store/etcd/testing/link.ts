import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EtcdEndpoint } from "#store/etcd/endpoint.ts";

/** A way to an etcd that can be cut, and mended. */
export class Link implements AsyncDisposable {
  readonly endpoint: { readonly socket: string };
  readonly #directory: string;
  readonly #target: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  static async open(target: EtcdEndpoint): Promise<Link> {
    if (!("socket" in target)) throw new Error("a link leads to a socket");
    const link = new Link(await mkdtemp(join(tmpdir(), "flotilla-link-")), target.socket);
    await link.mend();
    return link;
  }

  private constructor(directory: string, target: string) {
    this.#directory = directory;
    this.#target = target;
    this.endpoint = { socket: join(directory, "link.sock") };
  }

  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server) await new Promise((resolve) => server.close(resolve));
  }

  async mend(): Promise<void> {
    const server = createServer((near) => {
      const far = connect(this.#target);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(socket);
        socket.on("error", () => undefined);
        socket.on("close", () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
      }
      near.pipe(far).pipe(near);
    });
    this.#server = server;
    server.listen(this.endpoint.socket);
    await once(server, "listening");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
