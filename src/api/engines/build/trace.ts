import type { Json } from "#api/convert/meta-json.ts";
import { textField } from "#api/raw-document.ts";

/** Under which BuildKit's progress is in an engine's lines. Source: moby, builder-next. */
const TRACE = "moby.buildkit.trace";
/** How BuildKit calls the step in which it looks an image up. Source: buildkit, dockerfile2llb. */
const LOOKUP = /load metadata for ([\w./:@-]+)/g;

/** The images that a builder looked up, as a line of its progress tells: a protobuf message with the names of its steps. */
export function imagesInTrace(line: Json): readonly string[] {
  const trace = textField(line, "aux");
  if (line["id"] !== TRACE || trace === "") return [];
  return [...Buffer.from(trace, "base64").toString("latin1").matchAll(LOOKUP)].flatMap(([, image]) => image ?? []);
}
