import type { ApiContext, Call, OwnAnswer } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { engineRefusal } from "#api/engine-json.ts";
import { passCall } from "#api/pass-through.ts";
import { textField } from "#api/raw-document.ts";
import { nameIn } from "./images.ts";
import { hostName } from "./nodes.ts";
import { answerInLines, engineLines, failureIn } from "./progress-lines.ts";
import { spreadTags } from "./spread-tags.ts";

/** `POST /images/load`: into this host's engine; hosts where its names meant other images get these. */
export const loadImages = (api: ApiContext, call: Call): Promise<OwnAnswer> => takeIn(api, call, loadedNames);

/** `POST /images/create?fromSrc=…`: the same for a file system that becomes an image. */
export const importImage = (api: ApiContext, call: Call): Promise<OwnAnswer> =>
  takeIn(api, call, () => [nameIn(call.query)]);

/** What an engine says that it has loaded. Source: moby, image/tarexport. */
const loadedNames = (line: Json): readonly string[] =>
  [...textField(line, "stream").matchAll(/^Loaded image: (\S+)$/gm)].flatMap(([, name]) => name ?? []);

const takeIn = (api: ApiContext, call: Call, namesIn: (line: Json) => readonly string[]): Promise<OwnAnswer> =>
  answerInLines(call, async (tell, signal) => {
    const { home } = api.membership;
    const answer = await passCall(api.engine, call.request, call.request.url ?? "", signal);
    if (answer.statusCode !== 200) throw await engineRefusal(answer);
    const names = new Set<string>();
    let hasFailed = false;
    for await (const line of engineLines(answer, hostName(api, home), signal)) {
      for (const name of namesIn(line)) names.add(name);
      hasFailed ||= failureIn(line) !== "";
      await tell(line);
    }
    if (!hasFailed) await spreadTags(api, names, home, signal, tell);
  });
