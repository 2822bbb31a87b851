import type { IncomingMessage } from "node:http";
import type { Answer, ApiContext, Call } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { engineRefusal } from "#api/engine-json.ts";
import type { EngineLink } from "#api/engine-link.ts";
import { textField } from "#api/raw-document.ts";
import { Channel } from "#base/channel.ts";
import { errorMessage } from "#base/errors.ts";
import { TaskGroup } from "#base/task-group.ts";
import { parseJsonLines } from "#engine/json-lines.ts";
import type { Node } from "#model/objects.ts";
import { nameOf, otherNodes } from "./nodes.ts";

/** Lines that wait for a slow client. */
const WAITING_LINES = 64;

/**
 * `POST /images/create?fromImage=…`: every host pulls. The client sees the layers of this host's engine as they come, and
 * one line for each of the others. A host that fails is told at the end, as an error, after all the others are through.
 */
export async function pullImage(api: ApiContext, call: Call): Promise<Answer> {
  const own = await openPull(call, api.engine);
  const lines = new Channel<string>(WAITING_LINES);
  const others = otherNodes(api).filter(({ status }) => status.state === "ready");
  return { kind: "stream", contentType: "application/json", chunks: progress() };

  async function* progress(): AsyncGenerator<string> {
    await using jobs = new TaskGroup(call.signal);
    const failures: string[] = [];
    let open = 1 + others.length;
    const follow = (what: () => Promise<string | undefined>) =>
      jobs.spawn("pull", async () => {
        const failure = await what().catch(errorMessage);
        if (failure !== undefined) failures.push(failure);
        if (--open === 0) lines.end();
      });
    follow(() => passOn(own, lines));
    for (const node of others) follow(() => pullOn(api, call, node, lines));
    yield* lines;
    if (failures.length === 0) return;
    const message = failures.join("; ");
    yield render({ errorDetail: { message }, error: message });
  }
}

const render = (line: Json): string => `${JSON.stringify(line)}\r\n`;

/** @throws FlotillaError as the engine refuses. */
async function openPull(call: Call, engine: EngineLink): Promise<IncomingMessage> {
  const auth = call.request.headers["x-registry-auth"];
  const headers = typeof auth === "string" ? { "X-Registry-Auth": auth } : {};
  const path = `/v${call.version}/images/create?${call.query.toString()}`;
  const answer = await engine.open({ method: "POST", path, headers }, call.signal);
  if (answer.statusCode !== 200) throw await engineRefusal(answer);
  return answer;
}

/** Hands an engine's progress on as it is, but for its error. @returns the error. */
async function passOn(answer: IncomingMessage, lines: Channel<string>): Promise<string | undefined> {
  for await (const line of parseJsonLines<Json>(answer)) {
    const failure = textField(line, "error");
    if (failure !== "") return failure;
    if (!(await lines.push(render(line)))) return undefined;
  }
  return undefined;
}

/** One line for a host, which says what it is at. @returns its error, with its name. */
async function pullOn(api: ApiContext, call: Call, node: Node, lines: Channel<string>): Promise<string | undefined> {
  const id = nameOf(node);
  const say = (status: string) => lines.push(render({ id, status }));
  try {
    let last = "";
    await say("Pulling");
    for await (const line of parseJsonLines<Json>(await openPull(call, api.engines.engineOf(node.id)))) {
      const failure = textField(line, "error");
      if (failure !== "") return `${id}: ${failure}`;
      const status = textField(line, "status");
      if (status !== "" && status !== last && !(await say(status))) return undefined;
      last = status;
    }
    await say("Pull complete");
    return undefined;
  } catch (err) {
    return `${id}: ${errorMessage(err)}`;
  }
}
