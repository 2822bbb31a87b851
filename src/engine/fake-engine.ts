import { aborted, LinkedAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { type Random, seededRandom } from "#base/random.ts";
import type { Labels, NodeDescription } from "#model/spec.ts";
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
import { FakeContainers } from "./fake-containers.ts";
import { type FakeImage, FakeImages } from "./fake-images.ts";
import { carries, FakeNetworks } from "./fake-networks.ts";
import { sinceSeconds } from "./since.ts";

export interface FakeEngineDeps {
  readonly clock: Clock;
  /** Makes the containers' ids. Default: a fixed seed. */
  readonly random?: Random;
  readonly description: NodeDescription;
}

/** An engine in memory, for tests and for simulated clusters: it takes time only where its script says so. */
export const createFakeEngine = (deps: FakeEngineDeps): FakeEngine => new FakeEngine(deps);

/**
 * An `Engine` that follows a script: which images there are and how their containers behave (`addImage`,
 * `publishImage`, `behaviourLabels`), what happens to them (`exit`, `setHealth`, `write`), and what goes wrong
 * (`failNext`, `delay`, `crash`).
 */
export class FakeEngine implements Engine, AsyncDisposable {
  /** What `describe` answers; may be changed. */
  description: NodeDescription;
  readonly #clock: Clock;
  readonly #images = new FakeImages();
  readonly #networks: FakeNetworks;
  readonly #containers: FakeContainers;
  readonly #volumes = new Map<string, CreateVolume>();
  readonly #failures = new Map<keyof Engine, FlotillaError[]>();
  readonly #delays = new Map<keyof Engine, number>();
  readonly #calls = new Map<keyof Engine, number>();
  /** Aborts when the engine crashes. */
  #life = new AbortController();

  constructor(deps: FakeEngineDeps) {
    this.#clock = deps.clock;
    const random = deps.random ?? seededRandom(1);
    this.#networks = new FakeNetworks(random);
    this.#containers = new FakeContainers({ clock: deps.clock, random, networks: this.#networks });
    this.description = deps.description;
  }

  // The script.

  /** Puts an image onto the engine, and into the registries. */
  addImage(reference: string, image: FakeImage = {}): void {
    this.#images.publish(reference, image);
    this.#images.store(reference);
  }

  /** Makes an image pullable. */
  publishImage(reference: string, image: FakeImage = {}): void {
    this.#images.publish(reference, image);
  }

  removeImage(reference: string): void {
    this.#images.remove(reference);
  }

  /** The next call of `method` fails with `error`; further ones queue up. */
  failNext(method: keyof Engine, error: FlotillaError): void {
    this.#failures.set(method, [...(this.#failures.get(method) ?? []), error]);
  }

  /** From now on every call of `method` takes this long. */
  delay(method: keyof Engine, ms: number): void {
    this.#delays.set(method, ms);
  }

  /** How often `method` was called. */
  calls(method: keyof Engine): number {
    return this.#calls.get(method) ?? 0;
  }

  /** All containers as they are now, in the order of their creation. */
  get containers(): readonly Container[] {
    return this.#containers.all().map(({ inspected }) => inspected);
  }

  get volumes(): readonly CreateVolume[] {
    return [...this.#volumes.values()];
  }

  get networks(): readonly EngineNetwork[] {
    return this.#networks.all();
  }

  /** What was asked for when the container was created. */
  body(id: string): CreateContainer {
    return this.#containers.find(id).body;
  }

  /** Lets a container end by itself, now. */
  exit(id: string, exitCode: number, options: { readonly oomKilled?: boolean } = {}): void {
    this.#containers.die(this.#containers.find(id), exitCode, options.oomKilled);
  }

  setHealth(id: string, health: "starting" | "healthy" | "unhealthy", healthLog?: string): void {
    this.#containers.setHealth(this.#containers.find(id), health, healthLog);
  }

  /** Lets a container write to its log. */
  write(id: string, stream: "stdout" | "stderr", text: string): void {
    this.#containers.find(id).write(stream, text);
  }

  /** The engine goes away. Its containers die with it, unless it has live-restore. */
  crash(options: { readonly liveRestore?: boolean } = {}): void {
    const gone = unavailable();
    this.#life.abort(gone);
    this.#containers.endEvents(gone);
    if (!options.liveRestore) this.#containers.killAll();
  }

  /** The engine is back, with the containers that it had. */
  restart(): void {
    this.#life = new AbortController();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.crash();
    await this.#containers[Symbol.asyncDispose]();
  }

  // The port.

  async describe(signal: AbortSignal): Promise<NodeDescription> {
    await this.#enter("describe", signal);
    return this.description;
  }

  async pullImage(reference: string, _auth: string | undefined, signal: AbortSignal): Promise<void> {
    await this.#enter("pullImage", signal);
    const { pullMs, pullError } = this.#images.published(reference);
    if (pullMs !== undefined) await this.#sleep(pullMs, signal);
    if (pullError) throw pullError;
    this.#images.store(reference);
  }

  async inspectImage(reference: string, signal: AbortSignal): Promise<Image | undefined> {
    await this.#enter("inspectImage", signal);
    return this.#images.find(reference)?.image;
  }

  async createContainer(name: string, body: CreateContainer, signal: AbortSignal): Promise<string> {
    await this.#enter("createContainer", signal);
    const image = this.#images.find(body.Image);
    if (!image) throw new FlotillaError("not_found", `No such image: ${body.Image}`);
    return this.#containers.create(name, body, image.behaviour).id;
  }

  async startContainer(id: string, signal: AbortSignal): Promise<void> {
    await this.#enter("startContainer", signal);
    this.#containers.start(this.#containers.find(id));
  }

  async stopContainer(id: string, graceMs: number, signal: AbortSignal): Promise<void> {
    await this.#enter("stopContainer", signal);
    const container = this.#containers.find(id);
    if (!container.isRunning) return;
    this.#containers.askToStop(container, graceMs);
    await this.#whileUp(signal, () => container.ended);
    this.#containers.publish(container, "stop");
  }

  async removeContainer(id: string, signal: AbortSignal): Promise<void> {
    await this.#enter("removeContainer", signal);
    const container = this.#containers.lookUp(id);
    if (container) this.#containers.remove(container);
  }

  async inspectContainer(id: string, signal: AbortSignal): Promise<Container | undefined> {
    await this.#enter("inspectContainer", signal);
    return this.#containers.lookUp(id)?.inspected;
  }

  async listContainers(labels: Labels, signal: AbortSignal): Promise<readonly ContainerSummary[]> {
    await this.#enter("listContainers", signal);
    const summaries = this.#containers.all().map(({ summary }) => summary);
    return summaries.filter((each) => carries(each.labels, labels));
  }

  async createVolume(volume: CreateVolume, signal: AbortSignal): Promise<void> {
    await this.#enter("createVolume", signal);
    const existing = this.#volumes.get(volume.Name);
    if (existing && (existing.Driver ?? "local") !== (volume.Driver ?? "local")) {
      throw new FlotillaError("precondition", `a volume named ${volume.Name} already exists with another driver`);
    }
    this.#volumes.set(volume.Name, existing ?? volume);
  }

  async listNetworks(labels: Labels, signal: AbortSignal): Promise<readonly EngineNetwork[]> {
    await this.#enter("listNetworks", signal);
    return this.#networks.all().filter((network) => carries(network.labels, labels));
  }

  async createNetwork(network: CreateNetwork, signal: AbortSignal): Promise<string> {
    await this.#enter("createNetwork", signal);
    return this.#networks.create(network);
  }

  async removeNetwork(id: string, signal: AbortSignal): Promise<void> {
    await this.#enter("removeNetwork", signal);
    this.#networks.remove(id, this.#containers.all());
  }

  async connectNetwork(id: string, container: string, endpoint: EndpointSettings, signal: AbortSignal): Promise<void> {
    await this.#enter("connectNetwork", signal);
    const network = this.#networks.find(id);
    const address = endpoint.IPAMConfig?.IPv4Address ?? "";
    this.#containers.find(container).join({ name: network.name, networkId: network.id, address });
  }

  async disconnectNetwork(id: string, container: string, signal: AbortSignal): Promise<void> {
    await this.#enter("disconnectNetwork", signal);
    const network = this.#networks.all().find((each) => each.id === id || each.name === id);
    if (network !== undefined) this.#containers.lookUp(container)?.leave(network.name);
  }

  async events(labels: Labels, signal: AbortSignal): Promise<AsyncIterable<ContainerEvent>> {
    await this.#enter("events", signal);
    return selectEvents(this.#containers.subscribe(signal), labels);
  }

  async *logs(id: string, options: ContainerLogOptions, signal: AbortSignal): AsyncIterable<ContainerLogLine> {
    await this.#enter("logs", signal);
    const container = this.#containers.find(id);
    const live = options.follow ? container.follow(signal) : undefined;
    const since = options.since === undefined ? 0 : Number(sinceSeconds(options.since)) * 1_000;
    const isWanted = ({ stream, timestamp }: ContainerLogLine) =>
      options[stream] && Date.parse(timestamp.slice(0, 23).concat("Z")) >= since;
    const past = container.log.filter(isWanted);
    yield* options.tail === undefined ? past : past.slice(Math.max(0, past.length - options.tail));
    for await (const line of live ?? []) if (isWanted(line)) yield line;
  }

  // How it works.

  async #enter(method: keyof Engine, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#life.signal.throwIfAborted();
    this.#calls.set(method, this.calls(method) + 1);
    const delay = this.#delays.get(method);
    if (delay !== undefined) await this.#sleep(delay, signal);
    const failure = this.#failures.get(method)?.shift();
    if (failure) throw failure;
  }

  /** Waits for something, which a crash or the caller's abort ends early. */
  async #whileUp(signal: AbortSignal, wait: (signal: AbortSignal) => Promise<void>): Promise<void> {
    using call = new LinkedAbort(signal);
    using life = new LinkedAbort(this.#life.signal);
    const crashed = aborted(life.signal).then(() => call.abort(life.signal.reason));
    await Promise.race([wait(call.signal), aborted(call.signal), crashed]);
    call.signal.throwIfAborted();
  }

  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    return this.#whileUp(signal, (until) => this.#clock.sleep(ms, until));
  }
}

const unavailable = (): FlotillaError =>
  new FlotillaError("unavailable", "the container engine does not answer: it is down by script");

async function* selectEvents(
  events: AsyncIterable<ContainerEvent>,
  labels: Labels,
): AsyncGenerator<ContainerEvent, void, undefined> {
  for await (const event of events) if (carries(event.labels, labels)) yield event;
}
