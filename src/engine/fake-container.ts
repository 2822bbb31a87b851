import type { Clock } from "#base/clock.ts";
import { Fanout } from "#base/fanout.ts";
import type { Labels } from "#model/spec.ts";
import type { Container, ContainerLogLine, ContainerNetwork, ContainerSummary, CreateContainer } from "./engine.ts";
import { requestedNetworks } from "./fake-networks.ts";
import { type InspectResponse, parseReservation } from "./inspect.ts";

/** What a fake container does by itself. By default it runs until it is asked to stop, and stops at once. */
export interface FakeBehaviour {
  /** It ends this long after its start. */
  readonly exitAfterMs?: number;
  /** Its exit code when it ends by itself. Default: 0. */
  readonly exitCode?: number;
  /** How long it takes to stop when asked; `never`: it has to be killed. Default: no time. */
  readonly stopMs?: number | "never";
  /** Its exit code when it stops because it was asked. Default: 0. */
  readonly stopExitCode?: number;
  /** It has a health check, which first succeeds this long after the start. */
  readonly healthyAfterMs?: number;
  /** It has a health check, which says unhealthy this long after the start. */
  readonly unhealthyAfterMs?: number;
  /** What the failing health check says. */
  readonly healthLog?: string;
  /** What it writes when it starts. */
  readonly output?: readonly { readonly stream: "stdout" | "stderr"; readonly text: string }[];
}

/** A container's label that sets its behaviour (JSON), on top of its image's. */
const BEHAVIOUR_LABEL = "io.flotilla.fake";

/** Labels that make a fake engine's container behave as given. */
export const behaviourLabels = (behaviour: FakeBehaviour): Labels => ({ [BEHAVIOUR_LABEL]: JSON.stringify(behaviour) });

/** How the container of `body` behaves. */
export const behaviourOf = (body: CreateContainer, ofImage: FakeBehaviour): FakeBehaviour => {
  const own = body.Labels[BEHAVIOUR_LABEL];
  return own === undefined ? ofImage : { ...ofImage, ...(JSON.parse(own) as FakeBehaviour) };
};

/** What Docker shows for a time that has not come. */
const NEVER = "0001-01-01T00:00:00Z";
/** Log lines that a follower may be behind. */
const LOG_BUFFER = 100_000;
/** The exit code of a killed process. */
export const KILLED = 137;

/** One container: what `inspect` shows of it, and its log. Who makes it change is the engine's business. */
export class FakeContainer {
  readonly id: string;
  readonly body: CreateContainer;
  readonly behaviour: FakeBehaviour;
  readonly log: ContainerLogLine[] = [];
  readonly #clock: Pick<Clock, "now">;
  #live: Fanout<ContainerLogLine> | undefined;
  #run: PromiseWithResolvers<void> & { readonly over: AbortController } = endedRun();
  #now: Container;

  constructor(id: string, name: string, body: CreateContainer, behaviour: FakeBehaviour, clock: Pick<Clock, "now">) {
    this.id = id;
    this.body = body;
    this.behaviour = behaviour;
    this.#clock = clock;
    const reserved = parseReservation(body["HostConfig"] as InspectResponse["HostConfig"]);
    this.#now = {
      id,
      name,
      labels: body.Labels,
      state: "created",
      pid: 0,
      exitCode: 0,
      error: "",
      oomKilled: false,
      startedAt: NEVER,
      finishedAt: NEVER,
      tty: body["Tty"] === true,
      networks: requestedNetworks(body),
      ...(reserved && { reserved }),
      ports: [],
    };
  }

  get inspected(): Container {
    return this.#now;
  }

  get summary(): ContainerSummary {
    const { id, name, labels, state, networks } = this.#now;
    return { id, name, labels, state, networks };
  }

  get isRunning(): boolean {
    return this.#now.state === "running";
  }

  /** Aborts when the present run ends. */
  get over(): AbortSignal {
    return this.#run.over.signal;
  }

  /** Resolves when the present run ends. */
  get ended(): Promise<void> {
    return this.#run.promise;
  }

  setHealth(health: NonNullable<Container["health"]>, healthLog: string | undefined): void {
    this.#now = { ...this.#now, health, ...(healthLog !== undefined && { healthLog }) };
  }

  join(network: ContainerNetwork): void {
    this.leave(network.name);
    const networks = [...this.#now.networks, network].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    this.#now = { ...this.#now, networks };
  }

  leave(network: string): void {
    this.#now = { ...this.#now, networks: this.#now.networks.filter(({ name }) => name !== network) };
  }

  begin(pid: number, ports: Container["ports"]): void {
    const { healthyAfterMs, unhealthyAfterMs, output = [] } = this.behaviour;
    const isChecked = healthyAfterMs !== undefined || unhealthyAfterMs !== undefined;
    this.#run = { ...Promise.withResolvers<void>(), over: new AbortController() };
    this.#live = new Fanout(LOG_BUFFER);
    this.#now = {
      ...this.#now,
      state: "running",
      pid,
      ports,
      exitCode: 0,
      error: "",
      oomKilled: false,
      startedAt: this.#timestamp(),
      finishedAt: NEVER,
      ...(isChecked && { health: "starting" as const }),
    };
    for (const { stream, text } of output) this.write(stream, text);
  }

  end(exitCode: number, oomKilled: boolean): void {
    this.#now = {
      ...this.#now,
      state: "exited",
      pid: 0,
      ports: [],
      exitCode,
      oomKilled,
      finishedAt: this.#timestamp(),
    };
    this.#live?.close();
    this.#live = undefined;
    this.#run.over.abort(new Error("the container ended"));
    this.#run.resolve();
  }

  /** Writes lines; a terminal has one stream only. */
  write(stream: "stdout" | "stderr", text: string): void {
    for (const part of text.split(/(?<=\n)/)) {
      const data = Buffer.from(this.#now.tty ? part.replace(/\n$/, "\r\n") : part);
      const line = { stream: this.#now.tty ? "stdout" : stream, timestamp: this.#timestamp(), data } as const;
      this.log.push(line);
      this.#live?.publish(line);
    }
  }

  /** Lines from now on; undefined when it does not run. */
  follow(signal: AbortSignal): AsyncIterable<ContainerLogLine> | undefined {
    return this.#live?.subscribe(signal);
  }

  /** Nine digits, as Docker has. */
  #timestamp(): string {
    return new Date(this.#clock.now()).toISOString().replace("Z", "000000Z");
  }
}

function endedRun(): PromiseWithResolvers<void> & { readonly over: AbortController } {
  const run = { ...Promise.withResolvers<void>(), over: new AbortController() };
  run.over.abort(new Error("the container has not been started"));
  run.resolve();
  return run;
}
