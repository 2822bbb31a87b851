import type { ApiContext, Call } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { type EngineAnswer, tellEngine } from "#api/engine-json.ts";
import { renameNetworks } from "#api/networks/container-document.ts";
import { asObject, field, textField, textsField, withField } from "#api/raw-document.ts";
import { withDeadline } from "#base/abort.ts";
import { errorCode, FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import type { NodeId } from "#model/ids.ts";
import type { MovableContainer } from "#model/objects.ts";
import type { Labels } from "#model/spec.ts";
import type { Placing } from "#plan/place/filters.ts";
import type { Candidate, PlacementHost } from "#plan/place/host.ts";
import { place } from "#plan/place/place.ts";
import { extractWishes, SWARM_ID_LABEL } from "#plan/place/wish.ts";
import { nameConflict } from "./container-names.ts";
import { findContainer } from "./find-container.ts";
import { whoHasImage } from "./holders.ts";
import { namedOnHost } from "./host-networks.ts";
import { demandOf } from "./hosts.ts";
import { findNeeds, localNeeds } from "./local-needs.ts";
import type { Reservation } from "./placements.ts";

/** What is to be created. */
export interface Making {
  readonly name: string;
  /** The body of the request. */
  readonly document: Json;
  /** Its other parameters. */
  readonly query: URLSearchParams;
  /** For a container that is made again. */
  readonly again?: MakingAgain;
}

export interface MakingAgain {
  /** It may have its name, and keeps its id. */
  readonly movable: MovableContainer;
  /** For how long an engine may be at it. */
  readonly createMs: number;
  /** Waited for before a host is told to create it. */
  readonly onPlaced: (nodeId: NodeId) => Promise<void>;
}

/** The same, taken apart. */
interface Wanted extends Making {
  readonly placing: Placing;
  readonly labels: Labels;
  /** For the engine: without what was meant for the cluster. */
  readonly body: Json;
}

/** What came of it, and where. */
export interface Made extends EngineAnswer {
  readonly nodeId: NodeId;
}

/** Whose version is spoken, and for how long there is somebody to answer. */
type Maker = Pick<Call, "version" | "signal">;

/**
 * Gives a container a host and a name that no other container has, and creates it there. A host that lacks the image is
 * passed over when another one has it, and gets it from that one when no other will do.
 * @throws FlotillaError `exists` for a name that is taken, `unavailable` when no host will do, or when it breaks off.
 */
export async function makeContainer(api: ApiContext, maker: Maker, making: Making): Promise<Made> {
  const wanted = await takeApart(api, making, maker.signal);
  const first = await createOn(api, maker, wanted, await reserve(api, maker, wanted, () => true));
  if (!isImageMissing(first)) return first;
  const { image } = wanted.placing.candidate;
  const holders = await whoHasImage(api, image, maker.signal);
  const [holder] = holders;
  if (holder === undefined) return first;
  const room = await reserve(api, maker, wanted, ({ id }) => holders.includes(id)).catch(async (err: unknown) => {
    if (errorCode(err) !== "unavailable") throw err;
    await api.copies.copy(api, image, { from: holder, to: first.nodeId }, maker.signal);
    return await reserve(api, maker, wanted, ({ id }) => id === first.nodeId);
  });
  return await createOn(api, maker, wanted, room);
}

async function takeApart(api: ApiContext, making: Making, signal: AbortSignal): Promise<Wanted> {
  const { name, document, again } = making;
  const said = textsField(document, "Env");
  const { wishes, env, labels } = extractWishes(said, asObject(field(document, "Labels")) as Labels);
  // A label that a client has copied from another container would make the two one.
  const own = wishes.reschedule === "off" ? {} : { [SWARM_ID_LABEL]: again?.movable.id ?? newSwarmId(api.random) };
  const marked = { ...labels, ...own };
  const labelled = Object.keys(marked).length === 0 ? document : withField(document, "Labels", marked);
  const body = env.length === said.length ? labelled : withField(labelled, "Env", env);
  const candidate = await candidateOf(api, document, name, signal);
  return { ...making, placing: { ...wishes, candidate }, labels: marked, body };
}

const newSwarmId = (random: Random): string => Buffer.from(random.bytes(32)).toString("hex");

/** @param mayBe hosts that come into question at all. */
async function reserve(
  api: ApiContext,
  { signal }: Maker,
  { name, placing, labels, body, again }: Wanted,
  mayBe: (host: PlacementHost) => boolean,
): Promise<Reservation> {
  const container = { id: "", name, labels, demand: placing.candidate.demand };
  const needsImages = placing.affinities.some(({ key }) => key === "image");
  const needs = localNeeds(api, body, again?.movable.recipe.networks.map((network) => network.name) ?? []);
  return await api.placements.reserve(api, signal, container, needsImages, async (hosts) => {
    const conflict = await nameConflict(api, name, signal, again && { again: again.movable });
    if (conflict !== undefined) throw new FlotillaError("exists", conflict);
    const { hasNetworks, hasVolumes } = await findNeeds(api, needs, signal);
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
}

/** Creates it in the room that was kept for it. */
async function createOn(api: ApiContext, maker: Maker, wanted: Wanted, reservation: Reservation): Promise<Made> {
  using room = reservation;
  const { name, placing, labels, again } = wanted;
  const { id: nodeId } = room.host;
  await again?.onPlaced(nodeId);
  const created = await tellHost(api, maker, wanted, nodeId).catch((err: unknown) => {
    if (again === undefined && !maker.signal.aborted) api.abandoned.note(nodeId, name);
    throw err;
  });
  // So says a daemon whose engine has broken off.
  if (again === undefined && created.status === 503) api.abandoned.note(nodeId, name);
  const id = created.answer.kind === "json" ? field(created.answer.body, "Id") : undefined;
  if (created.isOk && typeof id === "string") {
    api.abandoned.settle(nodeId, name);
    const { image } = placing.candidate;
    api.mirrors.index.put(nodeId, { Id: id, Names: [`/${name}`], Labels: labels, Image: image, State: "created" });
  }
  return { ...created, nodeId };
}

function tellHost(api: ApiContext, maker: Maker, wanted: Wanted, nodeId: NodeId): Promise<EngineAnswer> {
  const { name, body, query, again } = wanted;
  const named = new URLSearchParams(query);
  named.set("name", name);
  const path = `/containers/create?${named.toString()}`;
  const plain = renameNetworks(body, (network) => namedOnHost(api, network)?.name ?? network);
  const create = (signal: AbortSignal) =>
    tellEngine(api, { ...maker, signal }, "POST", path, plain, api.engines.daemonOf(nodeId));
  if (again === undefined) return create(maker.signal);
  return withDeadline(api.clock, again.createMs, "creating the container", maker.signal, create);
}

/** The answer that makes a client pull the image, and try again. */
export const isImageMissing = ({ answer }: EngineAnswer): boolean =>
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
