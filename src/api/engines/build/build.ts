import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { hasBody } from "#api/body.ts";
import type { ApiContext, Call, OwnAnswer } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { engineRefusal } from "#api/engine-json.ts";
import { hostName } from "#api/engines/nodes.ts";
import { answerInLines, engineLines, failureIn, type Tell, tellNobody } from "#api/engines/progress-lines.ts";
import { spreadTags } from "#api/engines/spread-tags.ts";
import { passCall } from "#api/pass-through.ts";
import { FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";
import { baseImages } from "./base-images.ts";
import { bringBaseImages } from "./bring-base-images.ts";
import { heldContext } from "./build-context.ts";
import { type BuildRequest, parseBuild } from "./build-request.ts";
import { reserveBuildHost } from "./reserve-build-host.ts";
import { imagesInTrace } from "./trace.ts";

/**
 * `POST /build`: on the host that has most room, or where the same name was built last. Images that the build is upon come
 * from the hosts that have them; its result is what its names mean on every host.
 */
export async function buildImage(api: ApiContext, call: Call): Promise<OwnAnswer> {
  const request = parseBuild(call.query);
  const { names, ids, uploadFor } = request;
  if (uploadFor !== undefined) return await passUpload(api, call, uploadFor);
  return await answerInLines(call, async (tell, signal) => {
    using _ = { [Symbol.dispose]: () => api.builds.end(ids) };
    using reservation = await reserveBuildHost(api, request, signal);
    const { id: nodeId } = reservation.host;
    api.builds.begin(ids, nodeId);
    const tellMore = request.isQuiet ? tellNobody : tell;
    if (!(await new Build(api, call, request, nodeId, tellMore).run(tell, signal))) return;
    api.builds.remember(names, nodeId);
    await spreadTags(api, names, nodeId, signal, tellMore);
  });
}

/** The context of a build that was asked for in another call. */
const passUpload = (api: ApiContext, call: Call, buildId: string): Promise<OwnAnswer> =>
  answerInLines(call, async (tell, signal) => {
    const nodeId = await api.builds.hostOf(buildId, signal);
    if (nodeId === undefined) throw new FlotillaError("not_found", "the build that this context is for did not begin");
    const answer = await passCall(api.engines.engineOf(nodeId), call.request, call.request.url ?? "", signal);
    if (answer.statusCode !== 200) throw await engineRefusal(answer);
    for await (const line of engineLines(answer, hostName(api, nodeId), signal)) await tell(line);
  });

/** One build on one host. */
class Build {
  readonly #api: ApiContext;
  readonly #call: Call;
  readonly #request: BuildRequest;
  readonly #nodeId: NodeId;
  /** For what the cluster has to say. */
  readonly #tell: Tell;

  constructor(api: ApiContext, call: Call, request: BuildRequest, nodeId: NodeId, tell: Tell) {
    this.#api = api;
    this.#call = call;
    this.#request = request;
    this.#nodeId = nodeId;
    this.#tell = tell;
  }

  /**
   * A builder that gets its context over a connection of its own shows no Dockerfile before it fails: it is asked again
   * when what it lacked is there. The connection lasts as long as this call.
   * @returns whether there is an image.
   */
  async run(tell: Tell, signal: AbortSignal): Promise<boolean> {
    const mayRepeat = this.#request.remote === "client-session" && !this.#request.pulls;
    for (let isFirst = true; ; isFirst = false) {
      const answer = await this.#begin(isFirst, signal);
      const named = new Set<string>();
      let failure: Json | undefined;
      for await (const line of engineLines(answer, hostName(this.#api, this.#nodeId), signal)) {
        for (const image of imagesInTrace(line)) named.add(image);
        if (failureIn(line) !== "") failure = line;
        else await tell(line);
      }
      if (failure === undefined) return true;
      if (!mayRepeat || (await this.#bring(named, signal)) === 0) {
        await tell(failure);
        return false;
      }
    }
  }

  async #begin(isFirst: boolean, signal: AbortSignal): Promise<IncomingMessage> {
    const { request } = this.#call;
    const engine = this.#api.engines.engineOf(this.#nodeId);
    const path = `/v${this.#call.version}/build?${this.#request.query.toString()}`;
    const hasContext = hasBody(request) && this.#request.remote === "" && !this.#request.pulls;
    const body = hasContext ? Readable.from(this.#watched(request, signal)) : request;
    const answer = await passCall(engine, request, path, signal, isFirst ? body : Readable.from([]));
    if (answer.statusCode !== 200) throw await engineRefusal(answer);
    return answer;
  }

  #watched(context: IncomingMessage, signal: AbortSignal): AsyncGenerator<Buffer> {
    const { dockerfile, args } = this.#request;
    return heldContext(context.iterator({ destroyOnReturn: false }), dockerfile, async (text) => {
      if (text !== undefined) await this.#bring(baseImages(text, args), signal);
    });
  }

  /** @returns how many images came. */
  #bring(images: Iterable<string>, signal: AbortSignal): Promise<number> {
    return bringBaseImages(this.#api, images, this.#nodeId, signal, this.#tell);
  }
}
