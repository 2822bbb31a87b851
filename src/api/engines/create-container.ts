import { readBody } from "#api/body.ts";
import type { Answer, ApiContext, Call } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { type EngineAnswer, tellEngine } from "#api/engine-json.ts";
import { asObject, field, parseObject, textField, textsField, withField } from "#api/raw-document.ts";
import { inventContainerName } from "#api/service-name.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Labels } from "#model/spec.ts";
import type { Placing } from "#plan/place/filters.ts";
import type { Candidate, PlacementHost } from "#plan/place/host.ts";
import { place } from "#plan/place/place.ts";
import { type Extracted, extractWishes } from "#plan/place/wish.ts";
import { hostnameOf } from "./cluster-engines.ts";
import { demandOf } from "./hosts.ts";
import { findNeeds, localNeeds } from "./local-needs.ts";

/**
 * `POST /containers/create` for the whole cluster: the container gets a host, a name that no other container has, and is
 * created there. A host that lacks the image is passed over when another one has it; when none has, the client is told
 * so, and pulls.
 */
export async function createInCluster(api: ApiContext, call: Call): Promise<Answer> {
  const document = parseObject(await readBody(call.request));
  const extracted = extractWishes(textsField(document, "Env"), asObject(field(document, "Labels")) as Labels);
  const name = call.query.get("name")?.replace(/^\//, "") || inventContainerName(api.random);
  const placing = { ...extracted.wishes, candidate: candidateOf(document, name) };
  const body = withField(withField(document, "Env", extracted.env), "Labels", extracted.labels);
  const first = await createOn(api, call, name, placing, extracted, body, undefined);
  if (!isImageMissing(first)) return first.answer;
  const elsewhere = await createOn(api, call, name, placing, extracted, body, placing.candidate.image).catch(
    () => undefined,
  );
  return (elsewhere ?? first).answer;
}

/** @param image only hosts that have it are asked; undefined: all. */
async function createOn(
  api: ApiContext,
  call: Call,
  name: string,
  placing: Placing,
  { labels }: Extracted,
  body: Json,
  image: string | undefined,
): Promise<EngineAnswer> {
  const { placements, engines, mirrors } = api;
  const { demand } = placing.candidate;
  const container = { id: "", name, labels, demand };
  const needsImages = image !== undefined || placing.affinities.some(({ key }) => key === "image");
  const needs = localNeeds(api, body);
  using reservation = await placements.reserve(api, call.signal, container, needsImages, async (hosts) => {
    await checkName(api, name, call.signal);
    const { hasNetworks, hasVolumes } = await findNeeds(api, needs, call.signal);
    const able = hosts.filter((host) => hasNetworks(host.id) && (image === undefined || hasImage(image)(host)));
    const withData = able.filter(({ id }) => hasVolumes(id));
    const choose = (among: readonly PlacementHost[]) => place(placing, among, api.strategy, api.random.next());
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
  const created = await tellEngine(api, call, "POST", path, body, engines.daemonOf(nodeId));
  const id = created.answer.kind === "json" ? field(created.answer.body, "Id") : undefined;
  if (created.isOk && typeof id === "string") {
    const Image = placing.candidate.image;
    mirrors.index.put(nodeId, { Id: id, Names: [`/${name}`], Labels: labels, Image, State: "created" });
  }
  return created;
}

/** The answer that makes a client pull the image, and try again. */
const isImageMissing = ({ answer }: EngineAnswer): boolean =>
  answer.kind === "json" && answer.status === 404 && /No such image/i.test(textField(answer.body, "message"));

const hasImage =
  (image: string) =>
  ({ images }: PlacementHost): boolean =>
    images.some(({ id, tags }) => id === image || id === `sha256:${image}` || tags.includes(withTag(image)));

const withTag = (image: string): string => (/:[^/]+$/.test(image) ? image : `${image}:latest`);

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
  const host = hostnameOf(api.membership.control().view.get("node", nodeId)) ?? nodeId;
  return new FlotillaError(
    "exists",
    `Conflict. The container name "/${name}" is already in use by container "${id}" on ${host}. You have to remove (or rename) that container to be able to reuse that name.`,
  );
}
