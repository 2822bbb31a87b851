import type { Json } from "#api/convert/meta-json.ts";
import { FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";

/** A container as an engine lists it, and where it is. */
export interface KnownContainer {
  readonly id: string;
  readonly nodeId: NodeId;
  /** Without the leading slash; the container's own name is the first one without another slash. */
  readonly names: readonly string[];
  /** The engine's own summary. */
  readonly summary: Json;
  /** Grows with the moment at which the container was first seen: engines tell its creation in whole seconds. */
  readonly order: number;
}

/** Told of the id of each container that came, changed or went. */
type Listener = (id: string) => void;

/** Engines show this much of an id. Source: docker/cli, formatter of ids. */
const SHORT_ID = 12;
const ID_PREFIX = /^[0-9a-f]{1,64}$/;

/**
 * Which engine has which container, by id, short id and name. Several containers may have one name: engines do not ask
 * each other, and users go past the cluster.
 */
export class ContainerIndex {
  readonly #nodes = new Map<NodeId, Map<string, KnownContainer>>();
  readonly #byId = new Map<string, KnownContainer>();
  readonly #byShortId = new Map<string, Set<KnownContainer>>();
  readonly #byName = new Map<string, Set<KnownContainer>>();

  readonly #listeners = new Set<Listener>();
  readonly #isHidden: (container: KnownContainer) => boolean;
  #lastOrder = 0;

  /** @param isHidden whether nobody is to meet a container that is there. */
  constructor(isHidden: (container: KnownContainer) => boolean = () => false) {
    this.#isHidden = isHidden;
  }

  /** Until it is disposed of. */
  listen(listener: Listener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** All that an engine has. */
  replace(nodeId: NodeId, summaries: readonly Json[]): void {
    const ids = new Set(summaries.map(idOf));
    for (const id of this.#nodes.get(nodeId)?.keys() ?? []) if (!ids.has(id)) this.remove(nodeId, id);
    // Engines list the newest first.
    for (const summary of summaries.toReversed()) this.put(nodeId, summary);
  }

  put(nodeId: NodeId, summary: Json): void {
    const id = idOf(summary);
    const order = this.#byId.get(id)?.order ?? ++this.#lastOrder;
    const container = { id, nodeId, names: namesOf(summary), summary, order };
    this.#drop(nodeId, container.id);
    const ofNode = this.#nodes.get(nodeId) ?? new Map<string, KnownContainer>();
    this.#nodes.set(nodeId, ofNode);
    ofNode.set(container.id, container);
    this.#byId.set(container.id, container);
    add(this.#byShortId, container.id.slice(0, SHORT_ID), container);
    for (const name of container.names) add(this.#byName, name, container);
    this.#tell(id);
  }

  remove(nodeId: NodeId, id: string): void {
    if (this.#drop(nodeId, id)) this.#tell(id);
  }

  /** The engine is no part of the cluster any more. */
  forget(nodeId: NodeId): void {
    this.replace(nodeId, []);
  }

  ofNode(nodeId: NodeId): Iterable<KnownContainer> {
    return this.#nodes.get(nodeId)?.values() ?? [];
  }

  all(): Iterable<KnownContainer> {
    return this.#byId.values();
  }

  get(id: string): KnownContainer | undefined {
    return this.#byId.get(id);
  }

  /** Those that are called so, but for hidden ones. */
  named(name: string): readonly KnownContainer[] {
    return [...(this.#byName.get(name) ?? [])].filter((container) => !this.#isHidden(container));
  }

  /**
   * The container that a user means: by id, by name, by short id or by the beginning of its id, in the engine's own
   * order; undefined when it is not known.
   * @param nodeId the node to which a name like `h1/web` is limited.
   * @throws FlotillaError `invalid` when it may be one or another.
   */
  resolve(reference: string, nodeId?: NodeId): KnownContainer | undefined {
    const isThere = (container: KnownContainer) =>
      (nodeId === undefined || container.nodeId === nodeId) && !this.#isHidden(container);
    const byId = this.#byId.get(reference);
    if (byId !== undefined && isThere(byId)) return byId;
    const name = reference.replace(/^\//, "");
    const named = this.named(name).filter(isThere);
    if (named.length > 1) throw ambiguousName(name, named);
    if (named[0] !== undefined || !ID_PREFIX.test(reference)) return named[0];
    const candidates = reference.length < SHORT_ID ? this.all() : this.#byShortId.get(reference.slice(0, SHORT_ID));
    const begun = [...(candidates ?? [])].filter(({ id }) => id.startsWith(reference)).filter(isThere);
    if (begun.length <= 1) return begun[0];
    throw new FlotillaError("invalid", `Multiple IDs found with provided prefix: ${reference}`);
  }

  #tell(id: string): void {
    for (const listener of this.#listeners) listener(id);
  }

  #drop(nodeId: NodeId, id: string): boolean {
    const ofNode = this.#nodes.get(nodeId);
    const container = ofNode?.get(id);
    if (ofNode === undefined || container === undefined) return false;
    ofNode.delete(id);
    if (ofNode.size === 0) this.#nodes.delete(nodeId);
    if (this.#byId.get(id) === container) this.#byId.delete(id);
    drop(this.#byShortId, id.slice(0, SHORT_ID), container);
    for (const name of container.names) drop(this.#byName, name, container);
    return true;
  }
}

const ambiguousName = (name: string, containers: readonly KnownContainer[]): FlotillaError =>
  new FlotillaError(
    "invalid",
    `${containers.length} containers are called ${name}: name one by its id, ${containers.map(({ id }) => id.slice(0, SHORT_ID)).join(" or ")}`,
  );

const idOf = (summary: Json): string => String(summary["Id"]);

function namesOf({ Names }: Json): readonly string[] {
  return Array.isArray(Names) ? Names.map((name) => String(name).replace(/^\//, "")) : [];
}

function add<T>(index: Map<string, Set<T>>, key: string, value: T): void {
  const values = index.get(key);
  if (values === undefined) index.set(key, new Set([value]));
  else values.add(value);
}

function drop<T>(index: Map<string, Set<T>>, key: string, value: T): void {
  const values = index.get(key);
  if (values?.delete(value) && values.size === 0) index.delete(key);
}
