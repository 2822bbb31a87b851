import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { Fanout } from "#base/fanout.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Labels } from "#model/spec.ts";
import type { Container, ContainerEvent, CreateContainer } from "./engine.ts";
import { behaviourOf, type FakeBehaviour, FakeContainer, KILLED } from "./fake-container.ts";
import type { FakeNetworks } from "./fake-networks.ts";
import { bindPorts } from "./fake-ports.ts";

/** Events that a reader may be behind. */
const EVENT_BUFFER = 100_000;

/** The containers of a fake engine: their lives, by script, and the events that tell of them. */
export class FakeContainers implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #stop = new AbortController();
  readonly #scripts = new TaskGroup(this.#stop.signal);
  readonly #byId = new Map<string, FakeContainer>();
  readonly #byName = new Map<string, FakeContainer>();
  #events = new Fanout<ContainerEvent>(EVENT_BUFFER);
  readonly #networks: FakeNetworks;
  #lastPid = 1_000;

  constructor(deps: { readonly clock: Clock; readonly random: Random; readonly networks: FakeNetworks }) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#networks = deps.networks;
  }

  /** In the order of their creation. */
  all(): readonly FakeContainer[] {
    return [...this.#byId.values()];
  }

  /** By id or name. */
  lookUp(id: string): FakeContainer | undefined {
    return this.#byId.get(id) ?? this.#byName.get(id);
  }

  /** @throws FlotillaError `not_found` */
  find(id: string): FakeContainer {
    const found = this.lookUp(id);
    if (!found) throw new FlotillaError("not_found", `No such container: ${id}`);
    return found;
  }

  /** Every event from now on. */
  subscribe(signal: AbortSignal): AsyncIterable<ContainerEvent> {
    return this.#events.subscribe(signal);
  }

  /** Ends all subscriptions, as an engine that goes away. */
  endEvents(reason: FlotillaError): void {
    this.#events.close(reason);
    this.#events = new Fanout(EVENT_BUFFER);
  }

  /** Ends all containers without a word. */
  killAll(): void {
    for (const container of this.#byId.values()) if (container.isRunning) container.end(KILLED, false);
  }

  create(name: string, body: CreateContainer, ofImage: FakeBehaviour): FakeContainer {
    const rival = this.#byName.get(name);
    if (rival) {
      const message = `Conflict. The container name "/${name}" is already in use by container "${rival.id}".`;
      throw new FlotillaError("exists", message);
    }
    const id = Buffer.from(this.#random.bytes(32)).toString("hex");
    const container = new FakeContainer(id, name, body, behaviourOf(body, ofImage), this.#clock);
    this.#byId.set(id, container);
    this.#byName.set(name, container);
    this.publish(container, "create");
    return container;
  }

  start(container: FakeContainer): void {
    if (container.isRunning) return;
    this.#networks.checkStart(container, this.all());
    const taken = this.all().flatMap(({ inspected }) => inspected.ports);
    container.begin(++this.#lastPid, bindPorts(container.body, taken));
    this.publish(container, "start");
    const { exitAfterMs, exitCode = 0, healthyAfterMs, unhealthyAfterMs } = container.behaviour;
    const at = (ms: number | undefined, action: () => void) => ms !== undefined && this.#after(ms, container, action);
    at(healthyAfterMs, () => this.setHealth(container, "healthy"));
    at(unhealthyAfterMs, () => this.setHealth(container, "unhealthy", container.behaviour.healthLog));
    at(exitAfterMs, () => this.die(container, exitCode));
  }

  /** Asks a running container to stop; it does so by its script, or is killed when the grace is over. */
  askToStop(container: FakeContainer, graceMs: number): void {
    const { stopMs = 0, stopExitCode = 0 } = container.behaviour;
    this.publish(container, "kill");
    const isKilled = stopMs === "never" || stopMs > graceMs;
    this.#after(isKilled ? graceMs : stopMs, container, () => {
      if (isKilled) this.publish(container, "kill");
      this.die(container, isKilled ? KILLED : stopExitCode);
    });
  }

  remove(container: FakeContainer): void {
    this.die(container, KILLED);
    this.#byId.delete(container.id);
    this.#byName.delete(container.inspected.name);
    this.publish(container, "destroy");
  }

  die(container: FakeContainer, exitCode: number, oomKilled = false): void {
    if (!container.isRunning) return;
    if (oomKilled) this.publish(container, "oom");
    container.end(exitCode, oomKilled);
    this.publish(container, "die", { exitCode: String(exitCode) });
  }

  setHealth(container: FakeContainer, health: NonNullable<Container["health"]>, healthLog?: string): void {
    container.setHealth(health, healthLog);
    this.publish(container, `health_status: ${health}`);
  }

  publish({ id, body, inspected }: FakeContainer, action: string, extra: Labels = {}): void {
    const labels = { ...inspected.labels, image: body.Image, name: inspected.name, ...extra };
    this.#events.publish({ action, containerId: id, labels });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the fake engine is disposed of"));
    await this.#scripts[Symbol.asyncDispose]();
  }

  /** Does `action` after a while, unless the container's present run has ended by then. */
  #after(ms: number, container: FakeContainer, action: () => void): void {
    if (ms <= 0) return action();
    this.#scripts.spawn(`script of container ${container.id}`, async (signal) => {
      const over = AbortSignal.any([signal, container.over]);
      await this.#clock.sleep(ms, over).catch(() => undefined);
      if (!over.aborted) action();
    });
  }
}
