import { withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { type Random, randomInt } from "#base/random.ts";
import type { Control } from "#manager/control.ts";
import type { Node, Service } from "#model/objects.ts";
import type { NetworkSpec, NodeSpec, ServiceSpec } from "#model/spec.ts";
import { AttachedContainers } from "./attached-containers.ts";
import { chance, pick, pickAny, pickWeighted } from "./choose.ts";
import type { EventLog } from "./event-log.ts";
import { changedSpec, randomSpec, repacedSpec, type SimMode, type Surroundings, scaledSpec } from "./service-specs.ts";
import type { SimHost } from "./sim-host.ts";
import type { SimManager } from "./sim-manager.ts";

/** Services at a time: beyond it, users remove rather than create. */
const MOST_SERVICES = 6;
const NO_OPTIONS = { registryAuthFrom: "spec", rollback: false } as const;

/** A reader of logs who follows them leaves after this time. */
const READING_MS = 5_000;

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: EventLog;
  /** Users talk to any that is up. */
  readonly managers: readonly SimManager[];
  readonly hosts: readonly SimHost[];
  readonly signal: AbortSignal;
}

type Action = (control: Control) => Promise<void>;

/** What users do, in any order: whatever Docker's client can ask of services, payloads, networks and nodes. */
export class Workload {
  readonly #deps: Deps;
  readonly #random: Random;
  readonly #attached: AttachedContainers;
  #names = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#random = deps.random;
    this.#attached = new AttachedContainers(deps);
  }

  /** Does one thing. A refusal is an answer; anything but a `FlotillaError` is thrown: a fault of the product. */
  async step(): Promise<void> {
    const manager = pickAny(
      this.#random,
      this.#deps.managers.filter((each) => each.control !== undefined),
    );
    const control = manager?.control;
    if (manager === undefined || control === undefined) return;
    const [name, action] = this.#choose(control);
    try {
      await action(control);
    } catch (err) {
      if (manager.control !== control) return;
      if (!(err instanceof FlotillaError)) throw err;
      this.#deps.log.note("user", `${name} was refused: ${err.message}`);
    }
  }

  #choose(control: Control): readonly [string, Action] {
    const few = control.view.count("service") < 3;
    return pickWeighted<readonly [string, Action]>(this.#random, [
      [few ? 12 : 4, ["create", (to) => this.#create(to)]],
      [5, ["update", (to) => this.#update(to, (spec) => changedSpec(this.#random, spec, surroundings(to)))]],
      [4, ["scale", (to) => this.#update(to, (spec) => scaledSpec(this.#random, spec))]],
      [1, ["change pace", (to) => this.#update(to, (spec) => repacedSpec(this.#random, spec))]],
      [1.5, ["rollback", (to) => this.#rollBack(to)]],
      [control.view.count("service") > MOST_SERVICES ? 6 : 1.5, ["remove", (to) => this.#remove(to)]],
      [control.view.count("secret") < 2 ? 4 : 1, ["create payload", (to) => this.#createPayload(to)]],
      [0.5, ["remove payload", (to) => this.#removePayload(to)]],
      [control.view.count("network") < 3 ? 8 : 1, ["create network", (to) => this.#createNetwork(to)]],
      [1, ["remove network", (to) => this.#removeNetwork(to)]],
      [2, ["attached container", (to) => this.#attached.step(to.view)]],
      [3, ["availability", (to) => this.#setAvailability(to)]],
      [1, ["labels", (to) => this.#setLabels(to)]],
      [0.7, ["node rm", (to) => this.#removeNode(to)]],
      [1, ["logs", (to) => this.#readLogs(to)]],
      [0.5, ["history limit", (to) => this.#setHistoryLimit(to)]],
    ]);
  }

  #note(what: string): void {
    this.#deps.log.note("user", what);
  }

  #service(control: Control): Service | undefined {
    return pickAny(this.#random, [...control.view.list("service")]);
  }

  async #create(control: Control): Promise<void> {
    if (control.view.count("service") > MOST_SERVICES) return;
    const mode = pick<SimMode>(this.#random, ["replicated", "replicated", "global", "replicated-job", "global-job"]);
    const spec = randomSpec(this.#random, `s${++this.#names}`, mode, surroundings(control));
    this.#note(`creates ${JSON.stringify(spec)}`);
    await control.createService(spec, {}, this.#deps.signal);
  }

  async #update(control: Control, change: (spec: ServiceSpec) => ServiceSpec | undefined): Promise<void> {
    const service = this.#service(control);
    const spec = service && change(service.spec);
    if (service === undefined || spec === undefined) return;
    this.#note(`updates ${service.spec.Name} to ${JSON.stringify(spec)}`);
    await control.updateService(service.id, service.version, spec, NO_OPTIONS, this.#deps.signal);
  }

  async #rollBack(control: Control): Promise<void> {
    const service = this.#service(control);
    if (service === undefined) return;
    this.#note(`rolls ${service.spec.Name} back`);
    const options = { ...NO_OPTIONS, rollback: true };
    await control.updateService(service.id, service.version, service.spec, options, this.#deps.signal);
  }

  async #remove(control: Control): Promise<void> {
    const service = this.#service(control);
    if (service === undefined) return;
    this.#note(`removes ${service.spec.Name}`);
    await control.removeService(service.id, this.#deps.signal);
  }

  async #createPayload(control: Control): Promise<void> {
    const name = `p${++this.#names}`;
    const spec = { Name: name, Labels: {}, Data: Buffer.from(`content of ${name}`).toString("base64") };
    this.#note(`creates secret or config ${name}`);
    if (chance(this.#random, 0.5)) await control.createSecret(spec, this.#deps.signal);
    else await control.createConfig(spec, this.#deps.signal);
  }

  async #removePayload(control: Control): Promise<void> {
    const { secrets, configs } = surroundings(control);
    const payload = pickAny(this.#random, [...secrets, ...configs]);
    if (payload === undefined) return;
    this.#note(`removes ${payload.kind} ${payload.spec.Name}`);
    if (payload.kind === "secret") await control.removeSecret(payload.id, this.#deps.signal);
    else await control.removeConfig(payload.id, this.#deps.signal);
  }

  async #createNetwork(control: Control): Promise<void> {
    const name = `n${++this.#names}`;
    const isSmall = chance(this.#random, 0.2);
    const spec: NetworkSpec = {
      Name: name,
      Labels: {},
      Driver: "overlay",
      Attachable: chance(this.#random, 0.5),
      Internal: chance(this.#random, 0.2),
      ...(isSmall && { IPAM: { Config: [{ Subnet: `10.200.${this.#names % 256}.0/28` }] } }),
    };
    this.#note(`creates ${JSON.stringify(spec)}`);
    await control.createNetwork(spec, this.#deps.signal);
  }

  async #removeNetwork(control: Control): Promise<void> {
    const networks = [...control.view.list("network")].filter(({ spec }) => !spec.Ingress);
    const network = pickAny(this.#random, networks);
    if (network === undefined) return;
    this.#note(`removes network ${network.spec.Name}`);
    await control.removeNetwork(network.id, this.#deps.signal);
  }

  async #setAvailability(control: Control): Promise<void> {
    const availability = pick(this.#random, ["active", "active", "active", "drain", "pause"] as const);
    await this.#updateNode(control, availability, (spec) => ({ ...spec, Availability: availability }));
  }

  async #setLabels(control: Control): Promise<void> {
    const labels = randomLabels(this.#random);
    await this.#updateNode(control, JSON.stringify(labels), (spec) => ({ ...spec, Labels: labels }));
  }

  async #updateNode(control: Control, what: string, change: (spec: NodeSpec) => NodeSpec): Promise<void> {
    const node = pickAny(this.#random, [...control.view.list("node")]);
    if (node === undefined) return;
    this.#note(`updates node ${hostname(node)}: ${what}`);
    await control.updateNode(node.id, node.version, change(node.spec), this.#deps.signal);
  }

  async #removeNode(control: Control): Promise<void> {
    const gone = [...control.view.list("node")].filter(({ status }) => status.state !== "ready");
    const node = pickAny(this.#random, gone);
    if (node === undefined || control.view.count("node") < 3) return;
    this.#note(`removes node ${hostname(node)}`);
    await control.removeNode(node.id, chance(this.#random, 0.5), this.#deps.signal);
  }

  async #readLogs(control: Control): Promise<void> {
    const service = this.#service(control);
    if (service === undefined) return;
    const options = { stdout: true, stderr: true, follow: chance(this.#random, 0.5) };
    this.#note(`reads logs of ${service.spec.Name}${options.follow ? ", and follows them" : ""}`);
    const selector = { serviceIds: [service.id], taskIds: [] };
    await withDeadline(this.#deps.clock, READING_MS, "reading", this.#deps.signal, async (signal) => {
      let lines = 0;
      for await (const _ of control.logs(selector, options, signal)) lines++;
      this.#note(`has read ${lines} lines of ${service.spec.Name}`);
    });
  }

  async #setHistoryLimit(control: Control): Promise<void> {
    const { cluster } = control.view;
    if (cluster === undefined) return;
    const spec = { ...cluster.spec, Orchestration: { TaskHistoryRetentionLimit: randomInt(this.#random, 0, 6) } };
    this.#note(`sets history limit ${spec.Orchestration.TaskHistoryRetentionLimit}`);
    const rotate = { workerToken: false, managerToken: false, unlockKey: false };
    await control.updateCluster(cluster.version, spec, rotate, this.#deps.signal);
  }
}

/** Labels that the services' constraints speak of. */
export const randomLabels = (random: Random): Record<string, string> => ({
  zone: pick(random, ["a", "a", "b", "c"]),
  ssd: pick(random, ["yes", "no"]),
});

const hostname = (node: Node): string => node.description?.Hostname ?? node.id;

const surroundings = ({ view }: Control): Surroundings => ({
  networks: [...view.list("network")],
  secrets: [...view.list("secret")],
  configs: [...view.list("config")],
});
