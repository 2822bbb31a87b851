import type { Clock } from "#base/clock.ts";
import { errorCode, FlotillaError } from "#base/errors.ts";
import { pullReference } from "#model/image-name.ts";
import type { Labels, NodeDescription } from "#model/spec.ts";
import { describeNode, type InfoResponse, type PluginResponse } from "./describe.ts";
import { DockerNetworks } from "./docker-networks.ts";
import type {
  Container,
  ContainerEvent,
  ContainerLogLine,
  ContainerLogOptions,
  ContainerSummary,
  CreateContainer,
  CreateNetwork,
  CreateVolume,
  EndpointSettings,
  Engine,
  EngineNetwork,
  Image,
} from "./engine.ts";
import { eventsQuery, labelFilter, parseEvents } from "./events.ts";
import { EngineClient } from "./http-client.ts";
import { type InspectResponse, type ListResponse, parseContainer, parseSummary } from "./inspect.ts";
import { parseJsonLines } from "./json-lines.ts";
import { parseLogs } from "./log-stream.ts";
import { sinceSeconds } from "./since.ts";

export interface DockerEngineDeps {
  /** `unix:///var/run/docker.sock`, or `tcp://host:port`. */
  readonly url: string;
  /** The clock of the engine's machine. */
  readonly clock: Pick<Clock, "now">;
}

/** A Docker Engine over its public API, versions 1.41 (Docker 20.10) and newer. Disposing it closes idle connections. */
export function createDockerEngine(deps: DockerEngineDeps): Engine & Disposable {
  return new DockerEngine(deps);
}

/** One line of the progress of a pull. */
interface PullMessage {
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string };
}

class DockerEngine implements Engine, Disposable {
  readonly #client: EngineClient;
  readonly #networks: DockerNetworks;
  readonly #clock: Pick<Clock, "now">;

  constructor(deps: DockerEngineDeps) {
    this.#client = new EngineClient(deps.url);
    this.#networks = new DockerNetworks(this.#client);
    this.#clock = deps.clock;
  }

  async describe(signal: AbortSignal): Promise<NodeDescription> {
    const [info, plugins] = await Promise.all([
      this.#client.json<InfoResponse>({ method: "GET", path: "/info" }, signal),
      this.#client.json<readonly PluginResponse[] | null>({ method: "GET", path: "/plugins" }, signal),
    ]);
    return describeNode(info, plugins ?? []);
  }

  async pullImage(reference: string, auth: string | undefined, signal: AbortSignal): Promise<void> {
    const response = await this.#client.stream(
      {
        method: "POST",
        path: "/images/create",
        query: { fromImage: pullReference(reference) },
        ...(auth !== undefined && { headers: { "x-registry-auth": auth } }),
      },
      signal,
    );
    for await (const line of parseJsonLines<PullMessage>(this.#client.chunks(response, signal))) {
      // The status was sent before the pull began: its failure is the last line.
      if (line.error !== undefined) throw new FlotillaError("internal", line.errorDetail?.message ?? line.error);
    }
  }

  async inspectImage(reference: string, signal: AbortSignal): Promise<Image | undefined> {
    const path = `/images/${reference.split("/").map(encodeURIComponent).join("/")}/json`;
    const found = await unlessNotFound(
      this.#client.json<{ readonly Id: string; readonly RepoDigests?: readonly string[] | null }>(
        { method: "GET", path },
        signal,
      ),
    );
    return found && { id: found.Id, repoDigests: found.RepoDigests ?? [] };
  }

  async createContainer(name: string, body: CreateContainer, signal: AbortSignal): Promise<string> {
    const created = await this.#client.json<{ readonly Id: string }>(
      { method: "POST", path: "/containers/create", query: { name }, body },
      signal,
    );
    return created.Id;
  }

  async startContainer(id: string, signal: AbortSignal): Promise<void> {
    await this.#client.json({ method: "POST", path: `${containerPath(id)}/start` }, signal);
  }

  async stopContainer(id: string, graceMs: number, signal: AbortSignal): Promise<void> {
    const query = { t: String(Math.ceil(graceMs / 1_000)) };
    await this.#client.json({ method: "POST", path: `${containerPath(id)}/stop`, query }, signal);
  }

  async removeContainer(id: string, signal: AbortSignal): Promise<void> {
    try {
      const query = { force: "1", v: "1" };
      await this.#client.json({ method: "DELETE", path: containerPath(id), query }, signal);
    } catch (err) {
      if (errorCode(err) === "not_found") return;
      if (errorCode(err) !== "precondition") throw err;
      // Somebody else is removing it.
      const query = { condition: "removed" };
      await unlessNotFound(this.#client.json({ method: "POST", path: `${containerPath(id)}/wait`, query }, signal));
    }
  }

  async inspectContainer(id: string, signal: AbortSignal): Promise<Container | undefined> {
    const path = `${containerPath(id)}/json`;
    const found = await unlessNotFound(this.#client.json<InspectResponse>({ method: "GET", path }, signal));
    return found && parseContainer(found);
  }

  async listContainers(labels: Labels, signal: AbortSignal): Promise<readonly ContainerSummary[]> {
    const query = { all: "1", filters: JSON.stringify({ label: labelFilter(labels) }) };
    const found = await this.#client.json<readonly ListResponse[]>(
      { method: "GET", path: "/containers/json", query },
      signal,
    );
    return found.map(parseSummary);
  }

  async createVolume(volume: CreateVolume, signal: AbortSignal): Promise<void> {
    await this.#client.json({ method: "POST", path: "/volumes/create", body: volume }, signal);
  }

  listNetworks(labels: Labels, signal: AbortSignal): Promise<readonly EngineNetwork[]> {
    return this.#networks.list(labels, signal);
  }

  createNetwork(network: CreateNetwork, signal: AbortSignal): Promise<string> {
    return this.#networks.create(network, signal);
  }

  removeNetwork(id: string, signal: AbortSignal): Promise<void> {
    return this.#networks.remove(id, signal);
  }

  connectNetwork(id: string, container: string, endpoint: EndpointSettings, signal: AbortSignal): Promise<void> {
    return this.#networks.connect(id, container, endpoint, signal);
  }

  disconnectNetwork(id: string, container: string, signal: AbortSignal): Promise<void> {
    return this.#networks.disconnect(id, container, signal);
  }

  async events(labels: Labels, signal: AbortSignal): Promise<AsyncIterable<ContainerEvent>> {
    const query = eventsQuery(labels, this.#clock.now());
    const response = await this.#client.stream({ method: "GET", path: "/events", query }, signal);
    return endless(parseEvents(this.#client.chunks(response, signal)));
  }

  async *logs(id: string, options: ContainerLogOptions, signal: AbortSignal): AsyncIterable<ContainerLogLine> {
    const response = await this.#client.stream(
      {
        method: "GET",
        path: `${containerPath(id)}/logs`,
        query: {
          stdout: String(options.stdout),
          stderr: String(options.stderr),
          follow: String(options.follow),
          timestamps: "true",
          details: "true",
          ...(options.tail !== undefined && { tail: String(options.tail) }),
          ...(options.since !== undefined && { since: sinceSeconds(options.since) }),
        },
      },
      signal,
    );
    yield* parseLogs(this.#client.chunks(response, signal), options.tty);
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }
}

const containerPath = (id: string): string => `/containers/${encodeURIComponent(id)}`;

async function unlessNotFound<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (err) {
    if (errorCode(err) === "not_found") return undefined;
    throw err;
  }
}

/** Events never end by themselves: an engine that shuts down in good order ends them too. */
async function* endless<T>(items: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  yield* items;
  throw new FlotillaError("unavailable", "the container engine ended its stream of events: it is shutting down");
}
