import type { Answer, ApiContext, Call } from "#api/call.ts";
import { chosenNode } from "#api/chosen-node.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { type EngineAnswer, tellEngine } from "#api/engine-json.ts";
import { renameNetworks } from "#api/networks/container-document.ts";
import { asObject, field, textField, textsField, withField } from "#api/raw-document.ts";
import { inventContainerName } from "#api/service-name.ts";
import { errorCode, FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";
import type { Labels } from "#model/spec.ts";
import type { Placing } from "#plan/place/filters.ts";
import type { Candidate, PlacementHost } from "#plan/place/host.ts";
import { place } from "#plan/place/place.ts";
import { extractWishes } from "#plan/place/wish.ts";
import { nameConflict } from "./container-names.ts";
import { readContainer } from "./container-request.ts";
import { findContainer } from "./find-container.ts";
import { whoHasImage } from "./holders.ts";
import { namedOnHost } from "./host-networks.ts";
import { demandOf } from "./hosts.ts";
import { findNeeds, localNeeds } from "./local-needs.ts";
import { askLeader } from "./pass-on.ts";

/** A request, taken apart. */
interface Wanted {
  readonly name: string;
  readonly placing: Placing;
  readonly labels: Labels;
  /** For the engine: without what was meant for the cluster. */
  readonly body: Json;
}

/** What came of a try, and where. */
interface Tried extends EngineAnswer {
  readonly nodeId: NodeId;
}

/**
 * `POST /containers/create` for the whole cluster: the container gets a host, a name that no other container has, and is
 * created there. A host that lacks the image is passed over when another one has it, and gets it from that one when no
 * other will do. When none has it, the client is told so, and pulls.
 */
export async function createInCluster(api: ApiContext, call: Call): Promise<Answer> {
  const document = onChosenNode(api, call, await readContainer(call.request));
  const decided = await askLeader(api, call, `/containers/create?${call.query.toString()}`, document);
  if (decided !== undefined) return decided;
  const said = textsField(document, "Env");
  const { wishes, env, labels } = extractWishes(said, asObject(field(document, "Labels")) as Labels);
  const name = call.query.get("name")?.replace(/^\//, "") || inventContainerName(api.random);
  const labelled = Object.keys(labels).length === 0 ? document : withField(document, "Labels", labels);
  const body = env.length === said.length ? labelled : withField(labelled, "Env", env);
  const candidate = await candidateOf(api, document, name, call.signal);
  const wanted = { name, placing: { ...wishes, candidate }, labels, body };
  const first = await createOn(api, call, wanted, () => true);
  if (!isImageMissing(first)) return first.answer;
  const { image } = wanted.placing.candidate;
  const holders = await whoHasImage(api, image, call.signal);
  const [holder] = holders;
  if (holder === undefined) return first.answer;
  try {
    return (await createOn(api, call, wanted, ({ id }) => holders.includes(id))).answer;
  } catch (err) {
    if (errorCode(err) !== "unavailable") throw err;
    await api.copies.copy(api, image, { from: holder, to: first.nodeId }, call.signal);
    return (await createOn(api, call, wanted, ({ id }) => id === first.nodeId)).answer;
  }
}

/** A client that uses one node alone gets its containers there. */
function onChosenNode(api: ApiContext, call: Call, document: Json): Json {
  const nodeId = chosenNode(api, call);
  if (nodeId === undefined) return document;
  return withField(document, "Env", [...textsField(document, "Env"), `constraint:node==${nodeId}`]);
}

/** @param mayBe hosts that come into question at all. */
async function createOn(
  api: ApiContext,
  call: Call,
  { name, placing, labels, body }: Wanted,
  mayBe: (host: PlacementHost) => boolean,
): Promise<Tried> {
  const { placements, engines, mirrors } = api;
  const { demand, image } = placing.candidate;
  const container = { id: "", name, labels, demand };
  const needsImages = placing.affinities.some(({ key }) => key === "image");
  const needs = localNeeds(api, body);
  using reservation = await placements.reserve(api, call.signal, container, needsImages, async (hosts) => {
    const conflict = await nameConflict(api, name, call.signal);
    if (conflict !== undefined) throw new FlotillaError("exists", conflict);
    const { hasNetworks, hasVolumes } = await findNeeds(api, needs, call.signal);
    const able = hosts.filter((host) => mayBe(host) && hasNetworks(host.id));
    const withData = able.filter(({ id }) => hasVolumes(id));
    const choose = (among: readonly PlacementHost[]) => place(placing, among, api.policy, api.random.next());
    try {
      return choose(withData);
    } catch (err) {
      if (withData.length === able.length) throw err;
      return choose(able);
    }
  });
  const query = new URLSearchParams(call.query);
  query.set("name", name);
  const { id: nodeId } = reservation.host;
  const path = `/containers/create?${query.toString()}`;
  const plain = renameNetworks(body, (network) => namedOnHost(api, network)?.name ?? network);
  const created = await tellEngine(api, call, "POST", path, plain, engines.daemonOf(nodeId)).catch((err: unknown) => {
    if (!call.signal.aborted) api.abandoned.note(nodeId, name);
    throw err;
  });
  // So says a daemon whose engine has broken off.
  if (created.status === 503) api.abandoned.note(nodeId, name);
  const id = created.answer.kind === "json" ? field(created.answer.body, "Id") : undefined;
  if (created.isOk && typeof id === "string") {
    api.abandoned.settle(nodeId, name);
    mirrors.index.put(nodeId, { Id: id, Names: [`/${name}`], Labels: labels, Image: image, State: "created" });
  }
  return { ...created, nodeId };
}

/** The answer that makes a client pull the image, and try again. */
const isImageMissing = ({ answer }: EngineAnswer): boolean =>
  answer.kind === "json" && answer.status === 404 && /No such image/i.test(textField(answer.body, "message"));

async function candidateOf(api: ApiContext, document: Json, name: string, signal: AbortSignal): Promise<Candidate> {
  const host = field(document, "HostConfig");
  const named = dependenciesOf(host);
  const isThere = await Promise.all(named.map(async ({ container }) => findContainer(api, container, signal)));
  return {
    name,
    image: textField(document, "Image"),
    demand: demandOf(host, field(document, "ExposedPorts")),
    // Of a container that is nowhere the engine says so.
    dependencies: named.filter((_, at) => isThere[at] !== undefined),
  };
}

function dependenciesOf(host: unknown): Candidate["dependencies"] {
  const [joined = "", other = ""] = /^container:(.+)$/.exec(textField(host, "NetworkMode")) ?? [];
  const dependencies = [
    ...textsField(host, "VolumesFrom").map((one) => ["--volumes-from", one.split(":")[0]]),
    ...textsField(host, "Links").map((one) => ["--link", one.split(":")[0]]),
    ...(joined ? [["--net", other]] : []),
  ];
  return dependencies.map(([option = "", container = ""]) => ({ option, container: container.replace(/^\//, "") }));
}
