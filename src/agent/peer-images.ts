import { type ErrorCode, errorCode, errorMessage, FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { SharedWork, type Watcher } from "#base/shared-work.ts";
import type { ImageProgress, ImageRequest, ManagerConnection } from "#wire/protocol.ts";

/** No other host gives the image, or the manager cannot be asked: it is older, or away. */
const EXPECTED: ReadonlySet<ErrorCode> = new Set(["not_found", "unimplemented", "forbidden", "unavailable"]);

/** Images that other hosts of the cluster have, while the agent has a session. Tasks that need one image share a copy. */
export class PeerImages {
  readonly #log: Logger;
  readonly #copies = new SharedWork<boolean, ImageProgress>();
  #connection: ManagerConnection | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Asks over this connection, for a session's life. */
  serve(connection: ManagerConnection): Disposable {
    this.#connection = connection;
    return {
      [Symbol.dispose]: () => {
        if (this.#connection === connection) this.#connection = undefined;
      },
    };
  }

  /**
   * Gets an image from another host, if one is to give it.
   * @returns whether the image is here now.
   * @throws FlotillaError `unavailable` when a copy broke off: it may be tried again.
   */
  async bring(request: ImageRequest, signal: AbortSignal, tell: Watcher<ImageProgress>): Promise<boolean> {
    const key = JSON.stringify([request.image, request.pullFailed]);
    return await this.#copies.run(key, signal, (stop, tellAll) => this.#bring(request, stop, tellAll), tell);
  }

  async #bring(request: ImageRequest, signal: AbortSignal, tell: Watcher<ImageProgress>): Promise<boolean> {
    if (this.#connection === undefined) return false;
    let hasBegun = false;
    try {
      for await (const progress of this.#connection.bringImage(request, signal)) {
        hasBegun = true;
        tell(progress);
      }
      return true;
    } catch (err) {
      signal.throwIfAborted();
      const code = errorCode(err);
      if (hasBegun && code === "unavailable") {
        const message = `copying ${request.image} from another host broke off: ${errorMessage(err)}`;
        throw new FlotillaError(code, message, { cause: err });
      }
      const { image } = request;
      if (!EXPECTED.has(code)) this.#log.warn({ image, err: errorMessage(err) }, "image not copied from another host");
      return false;
    }
  }
}
