import type { Clock } from "#base/clock.ts";
import { errorCode, errorMessage, FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { SharedWork } from "#base/shared-work.ts";
import type { Engine } from "#engine/engine.ts";
import { familiarReference, hasDigest, isImageId, pullReference } from "#engine/image-name.ts";

/**
 * After a pull failed although the image is local, the registry is left alone this long: tasks that start meanwhile
 * take the local image at once.
 */
const PULL_PAUSE_MS = 30_000;

interface Deps {
  readonly engine: Pick<Engine, "pullImage" | "inspectImage">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Docker's `DOCKER_SERVICE_PREFER_OFFLINE_IMAGE=1`: never pull what is local. */
  readonly preferLocalImages?: boolean;
}

/** The image comes first, as in Docker: clients show little more than the beginning. */
const noSuchImage = (image: string, cause: unknown): FlotillaError =>
  new FlotillaError(errorCode(cause), `No such image: ${familiarReference(image)}: ${errorMessage(cause)}`, { cause });

/**
 * Gets images onto the node (fact sheet 2.5).
 *
 * - An image named by id is never pulled, one named by digest only when it is not local.
 * - A tag is always pulled, as it may have moved. When that fails, the local image will do.
 * - Tasks that need one image share one pull, which stops when the last of them gives up.
 */
export class ImagePuller {
  readonly #deps: Deps;
  readonly #pulls = new SharedWork<void>();
  readonly #failedAt = new Map<string, number>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /**
   * Resolves when the image is on the node.
   * @throws FlotillaError when there is no local image to fall back on: it names the image, then the pull's reason.
   */
  async ensure(image: string, auth: string | undefined, signal: AbortSignal): Promise<void> {
    if (isImageId(image)) return;
    const reference = pullReference(image);
    if (this.#localWillDo(reference) && (await this.#isLocal(reference, signal))) return;
    try {
      await this.#pull(reference, auth, signal);
      this.#failedAt.delete(reference);
    } catch (err) {
      if (signal.aborted) throw err;
      if (!(await this.#isLocal(reference, signal))) throw noSuchImage(image, err);
      this.#noteFailure(reference, err);
    }
  }

  #noteFailure(reference: string, err: unknown): void {
    const { clock, log } = this.#deps;
    const isKnown = this.#localWillDo(reference);
    this.#failedAt.set(reference, clock.now());
    if (!isKnown) log.warn({ image: reference, err: errorMessage(err) }, "pull failed: using the local image");
  }

  #localWillDo(reference: string): boolean {
    if (this.#deps.preferLocalImages === true || hasDigest(reference)) return true;
    const failedAt = this.#failedAt.get(reference);
    return failedAt !== undefined && this.#deps.clock.now() < failedAt + PULL_PAUSE_MS;
  }

  /** An engine that fails at the question is left to complain when the container is created. */
  async #isLocal(reference: string, signal: AbortSignal): Promise<boolean> {
    try {
      return (await this.#deps.engine.inspectImage(reference, signal)) !== undefined;
    } catch (err) {
      if (signal.aborted || errorCode(err) === "unavailable") throw err;
      return true;
    }
  }

  async #pull(reference: string, auth: string | undefined, signal: AbortSignal): Promise<void> {
    const key = JSON.stringify([reference, auth]);
    await this.#pulls.run(key, signal, (stop) => this.#deps.engine.pullImage(reference, auth, stop));
  }
}
