import type { Clock } from "#base/clock.ts";
import { errorCode, errorMessage, FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { SharedWork, type Watcher } from "#base/shared-work.ts";
import type { Engine } from "#engine/engine.ts";
import { familiarReference, hasDigest, isImageId, pullReference } from "#model/image-name.ts";
import type { ImageProgress } from "#wire/protocol.ts";
import type { PeerImages } from "./peer-images.ts";

/**
 * After no registry gave an image that is local all the same, registries and other hosts are left alone this long: tasks
 * that start meanwhile take the local image at once.
 */
const PULL_PAUSE_MS = 30_000;

interface Deps {
  readonly engine: Pick<Engine, "pullImage" | "inspectImage">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Other hosts' images. */
  readonly peers: Pick<PeerImages, "bring">;
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
 * - A tag that no registry knows, as it was made in this cluster, comes from a host that has it.
 * - Any other tag is always pulled, as it may have moved. When that fails, the local image will do, or that of another host.
 * - Tasks that need one image share one pull, which stops when the last of them gives up.
 */
export class ImagePuller {
  readonly #deps: Deps;
  readonly #pulls = new SharedWork<void>();
  /** When images were last had without a registry. */
  readonly #foundAt = new Map<string, number>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /**
   * Resolves when the image is on the node.
   * @param tell is told how far a copy from another host is.
   * @throws FlotillaError when there is no local image to fall back on: it names the image, then the pull's reason.
   */
  async ensure(
    image: string,
    auth: string | undefined,
    signal: AbortSignal,
    tell: Watcher<ImageProgress> = () => undefined,
  ): Promise<void> {
    const { peers } = this.#deps;
    const reference = pullReference(image);
    const fromPeers = (pullFailed: boolean) => peers.bring({ image: reference, pullFailed }, signal, tell);
    if (this.#localWillDo(reference) && (await this.#isLocal(reference, signal))) return;
    if (isImageId(image)) {
      await fromPeers(true); // If nobody has it, the engine says so when the container is created.
      return;
    }
    if (!hasDigest(reference) && (await fromPeers(false))) return this.#noteFound(reference);
    try {
      await this.#pull(reference, auth, signal);
      this.#foundAt.delete(reference);
    } catch (err) {
      if (signal.aborted) throw err;
      if (!(await fromPeers(true)) && !(await this.#isLocal(reference, signal))) throw noSuchImage(image, err);
      if (!this.#localWillDo(reference)) {
        this.#deps.log.warn({ image: reference, err: errorMessage(err) }, "pull failed: using the image that is here");
      }
      this.#noteFound(reference);
    }
  }

  #noteFound(reference: string): void {
    this.#foundAt.set(reference, this.#deps.clock.now());
  }

  #localWillDo(reference: string): boolean {
    if (this.#deps.preferLocalImages === true || hasDigest(reference) || isImageId(reference)) return true;
    const foundAt = this.#foundAt.get(reference);
    return foundAt !== undefined && this.#deps.clock.now() < foundAt + PULL_PAUSE_MS;
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
