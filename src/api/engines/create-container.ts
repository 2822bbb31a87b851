import { readBody } from "#api/body.ts";
import { type Answer, type ApiContext, type Call, controlOf, type OwnAnswer } from "#api/call.ts";
import { chosenNode } from "#api/chosen-node.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { type EngineAnswer, tellEngine } from "#api/engine-json.ts";
import { renameNetworks } from "#api/networks/container-document.ts";
import { asObject, field, parseObject, textField, textsField, withField } from "#api/raw-document.ts";
import { inventContainerName } from "#api/service-name.ts";
import { errorCode, FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";
import type { Labels } from "#model/spec.ts";
import type { Placing } from "#plan/place/filters.ts";
import type { Candidate, PlacementHost } from "#plan/place/host.ts";
import { place } from "#plan/place/place.ts";
import { extractWishes } from "#plan/place/wish.ts";
import { findContainer } from "./find-container.ts";
import { whoHasImage } from "./holders.ts";
import { namedOnHost } from "./host-networks.ts";
import { demandOf } from "./hosts.ts";
import { findNeeds, localNeeds } from "./local-needs.ts";
import { hostName } from "./nodes.ts";
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
  const document = onChosenNode(api, call, parseObject(await readBody(call.request)));
  const decided = await askLeader(api, call, `/containers/create?${call.query.toString()}`, document);
  if (decided !== undefined) return decided;
  const { wishes, env, labels } = extractWishes(
    textsField(document, "Env"),
    asObject(field(document, "Labels")) as Labels,
  );
  const name = call.query.get("name")?.replace(/^\//, "") || inventContainerName(api.random);
  const body = withField(withField(document, "Env", env), "Labels", labels);
  const wanted = { name, placing: { ...wishes, candidate: candidateOf(document, name) }, labels, body };
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
    await checkName(api, name, call.signal);
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

function candidateOf(document: Json, name: string): Candidate {
  const host = field(document, "HostConfig");
  const networkMode = textField(host, "NetworkMode");
  const dependencies = [
    ...textsField(host, "VolumesFrom").map((one) => ["--volumes-from", one.replace(/:(?:ro|rw|z|Z|nocopy)$/, "")]),
    ...textsField(host, "Links").map((one) => ["--link", one.split(":")[0] ?? ""]),
    ...(networkMode.startsWith("container:") ? [["--net", networkMode.slice("container:".length)]] : []),
  ];
  return {
    name,
    image: textField(document, "Image"),
    demand: demandOf(host, field(document, "ExposedPorts")),
    dependencies: dependencies.map(([option = "", container = ""]) => ({
      option,
      container: container.replace(/^\//, ""),
    })),
  };
}

/**
 * Names are unique over the cluster.
 * @throws FlotillaError `exists`, with the engine's own text.
 */
export async function checkName(api: ApiContext, name: string, signal: AbortSignal): Promise<void> {
  const { index } = api.mirrors;
  if (api.placements.isPending(name)) {
    throw new FlotillaError(
      "exists",
      `Conflict. The container name "/${name}" is already in use by a container that is being created.`,
    );
  }
  for (const { id, nodeId } of index.named(name)) {
    // The index may be some moments behind: a client that has just removed a container takes its name again.
    const answer = await api.engines
      .engineOf(nodeId)
      .open({ method: "GET", path: `/containers/${id}/json` }, signal)
      .catch(() => undefined);
    answer?.destroy();
    if (answer?.statusCode === 404) index.remove(nodeId, id);
    else throw nameConflict(api, name, id, nodeId);
  }
}

function nameConflict(api: ApiContext, name: string, id: string, nodeId: string): FlotillaError {
  return new FlotillaError(
    "exists",
    `Conflict. The container name "/${name}" is already in use by container "${id}" on ${hostName(api, nodeId)}. You have to remove (or rename) that container to be able to reuse that name.`,
  );
}

/** `POST /containers/{id}/rename`: a name is given away by one manager only, and others find the container by it. */
export async function renameInCluster(api: ApiContext, call: Call, reference: string): Promise<OwnAnswer> {
  const { nodeId, id } = await findContainer(api, reference, call.signal);
  const path = `/containers/${id}/rename?${call.query.toString()}`;
  const decided = await askLeader(api, call, path);
  if (decided !== undefined) return decided;
  const name = call.query.get("name")?.replace(/^\//, "");
  if (name) await checkName(api, name, call.signal);
  const former = api.mirrors.index.get(id)?.names[0];
  const { isOk, answer } = await tellEngine(api, call, "POST", path, undefined, api.engines.engineOf(nodeId));
  if (isOk && name && former !== undefined) {
    await controlOf(api)
      ?.renameAttached(nodeId, former, name, api.signal)
      .catch((err: unknown) => api.log.warn({ err, name }, "other containers do not know a container's new name"));
  }
  return answer;
}
