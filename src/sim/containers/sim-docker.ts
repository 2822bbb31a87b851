import type { Random } from "#base/random.ts";

/** What users decide of a container, as far as it matters here. */
export interface ContainerBody {
  readonly Image: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly Env?: readonly string[];
  readonly HostConfig?: {
    readonly Memory?: number;
    readonly NanoCpus?: number;
    readonly PortBindings?: Readonly<Record<string, readonly { readonly HostPort: string }[]>>;
  };
}

export type ContainerState = "created" | "running" | "exited";

export interface SimContainer {
  readonly id: string;
  readonly body: ContainerBody;
  /** In the order of their creation, over all engines. */
  readonly createdAt: number;
  name: string;
  state: ContainerState;
}

/** What an engine answers. */
export interface SimAnswer {
  readonly status: number;
  readonly body?: unknown;
}

const refused = (status: number, message: string): SimAnswer => ({ status, body: { message } });
const EMPTY: SimAnswer = { status: 204 };

interface Deps {
  readonly random: Random;
  readonly now: () => number;
  readonly images: Iterable<string>;
  /** Hears of everything that happens to a container. */
  readonly onEvent: (action: string, container: SimContainer) => void;
}

/** A Docker Engine's containers and images in memory, by the calls of its API that concern single containers. */
export class SimDocker {
  readonly images: Set<string>;
  readonly #deps: Deps;
  readonly #containers = new Map<string, SimContainer>();

  constructor(deps: Deps) {
    this.#deps = deps;
    this.images = new Set(deps.images);
  }

  get containers(): readonly SimContainer[] {
    return [...this.#containers.values()];
  }

  /** All processes end, as when the host's power fails. */
  endAll(): void {
    for (const container of this.#containers.values()) if (container.state === "running") container.state = "exited";
  }

  /** A container's process ends by itself. */
  exit(id: string): void {
    const container = this.#containers.get(id);
    if (container?.state === "running") this.#become(container, "exited", "die");
  }

  call(method: string, path: string, query: URLSearchParams, body: unknown): SimAnswer {
    if (path === "/containers/json") return { status: 200, body: this.#list(query) };
    if (path === "/containers/create") return this.#create(query.get("name") ?? "", body as ContainerBody);
    const [, reference = "", verb = ""] = /^\/containers\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
    const container = this.#find(reference);
    if (reference !== "" && container === undefined) return refused(404, `No such container: ${reference}`);
    if (container !== undefined) return this.#callOn(container, `${method} ${verb}`.trim(), query);
    const [, image = "", part = ""] = /^\/images\/(.+)\/(json|get)$/.exec(path) ?? [];
    if (part === "json")
      return this.images.has(image) ? { status: 200, body: { Id: image } } : refused(404, "No such image");
    if (part === "get")
      return this.images.has(image) ? { status: 200, body: { image } } : refused(404, "No such image");
    if (path === "/images/create") {
      this.images.add((query.get("fromImage") ?? "").replace(/:latest$/, ""));
      return { status: 200, body: { status: "Pull complete" } };
    }
    if (path === "/images/load") {
      this.images.add((body as { readonly image: string }).image);
      return { status: 200, body: { stream: "loaded" } };
    }
    return refused(404, "page not found");
  }

  #find(reference: string): SimContainer | undefined {
    return this.#containers.get(reference) ?? this.containers.find(({ name }) => name === reference);
  }

  #list(query: URLSearchParams): readonly object[] {
    const { id: ids } = JSON.parse(query.get("filters") ?? "{}") as { readonly id?: readonly string[] };
    return this.containers
      .filter(({ id }) => ids === undefined || ids.includes(id))
      .filter(({ state }) => query.has("all") || state === "running")
      .toSorted((a, b) => b.createdAt - a.createdAt)
      .map(({ id, name, body, state, createdAt }) => ({
        Id: id,
        Names: [`/${name}`],
        Image: body.Image,
        Labels: body.Labels ?? {},
        State: state,
        Status: state,
        Created: Math.floor(createdAt / 1_000),
      }));
  }

  #create(name: string, body: ContainerBody): SimAnswer {
    if (!this.images.has(body.Image)) return refused(404, `No such image: ${body.Image}`);
    if (this.containers.some((other) => other.name === name)) return refused(409, `Conflict. ${name} is in use`);
    const id = Buffer.from(this.#deps.random.bytes(32)).toString("hex");
    const container: SimContainer = { id, body, createdAt: this.#deps.now(), name, state: "created" };
    this.#containers.set(id, container);
    this.#deps.onEvent("create", container);
    return { status: 201, body: { Id: id, Warnings: [] } };
  }

  #callOn(container: SimContainer, call: string, query: URLSearchParams): SimAnswer {
    switch (call) {
      case "GET json":
        return { status: 200, body: inspected(container) };
      case "POST start":
        return container.state === "running" ? { status: 304 } : this.#become(container, "running", "start");
      case "POST stop":
        return container.state === "running" ? this.#become(container, "exited", "stop") : { status: 304 };
      case "POST rename":
        return this.#rename(container, query.get("name") ?? "");
      case "DELETE":
        return this.#remove(container, query.has("force"));
      default:
        return refused(404, "page not found");
    }
  }

  #rename(container: SimContainer, name: string): SimAnswer {
    if (this.containers.some((other) => other.name === name)) return refused(409, `Conflict. ${name} is in use`);
    container.name = name;
    this.#deps.onEvent("rename", container);
    return EMPTY;
  }

  #remove(container: SimContainer, force: boolean): SimAnswer {
    if (container.state === "running" && !force) return refused(409, "stop it first");
    this.#containers.delete(container.id);
    this.#deps.onEvent("destroy", container);
    return EMPTY;
  }

  #become(container: SimContainer, state: ContainerState, action: string): SimAnswer {
    container.state = state;
    this.#deps.onEvent(action, container);
    return EMPTY;
  }
}

const inspected = ({ id, name, body, state }: SimContainer): object => ({
  Id: id,
  Name: `/${name}`,
  State: { Status: state, Running: state === "running" },
  Config: { Image: body.Image, Labels: body.Labels ?? {}, Env: body.Env ?? [], Hostname: id.slice(0, 12) },
  HostConfig: { ...body.HostConfig, NetworkMode: "default" },
  NetworkSettings: { Networks: { bridge: { IPAMConfig: null, Aliases: null } } },
});
