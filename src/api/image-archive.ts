import { FlotillaError } from "#base/errors.ts";
import type { Answer, ApiContext, Call } from "./call.ts";
import { engineRefusal } from "./engine-json.ts";
import { invalid } from "./errors.ts";

/** How many bytes an archive will have, roughly: a stream has no length. */
export const ARCHIVE_SIZE_HEADER = "flotilla-archive-size";

/** The call that `sendImageArchive` answers. @param without how many layers the receiver has, from the lowest on. */
export const imageArchivePath = (image: string, without: number): string =>
  `/flotilla/images/archive?${new URLSearchParams({ image, without: String(without) }).toString()}`;

/**
 * `GET /flotilla/images/archive`: an image as `docker save` writes it, without its lowest layers. For other daemons only:
 * it is made on the host that has the image, so that what is left out does not cross the network.
 */
export async function sendImageArchive(api: ApiContext, call: Call): Promise<Answer> {
  if (call.scope !== "node") throw new FlotillaError("not_found", "page not found");
  const image = call.query.get("image") ?? "";
  const without = Number(call.query.get("without") ?? "");
  if (image === "" || !Number.isSafeInteger(without)) throw invalid("image and without are needed");
  const save = async () => {
    const path = `/images/${encodeURI(image)}/get`;
    const archive = await api.engine.open({ method: "GET", path }, call.signal);
    if (archive.statusCode !== 200) throw await engineRefusal(archive);
    return archive;
  };
  const { readContents, thinArchive } = await import("./thin-archive.ts");
  const contents = await readContents(await save(), without);
  call.response.setHeader(ARCHIVE_SIZE_HEADER, contents.sizeBytes);
  return { kind: "stream", contentType: "application/x-tar", chunks: thinArchive(await save(), contents.omitted) };
}
