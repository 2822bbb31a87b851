import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { type Random, randomInt } from "#base/random.ts";
import type { Engine } from "#engine/engine.ts";
import { chance, pick, pickAny, pickWeighted } from "./choose.ts";
import type { EventLog } from "./event-log.ts";
import { FAR_MS, type Fault, type FaultChoice, jumpMs, once, type Undo } from "./fault.ts";
import { CLOCK, ManagerFaults } from "./manager-faults.ts";
import type { SimHost } from "./sim-host.ts";
import type { SimManager } from "./sim-manager.ts";
import type { SimNetwork } from "./sim-network.ts";

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: EventLog;
  readonly network: SimNetwork;
  readonly managers: readonly SimManager[];
  readonly hosts: readonly SimHost[];
  readonly scope: FaultScope;
  /** Called when time as a manager measures it jumps. */
  readonly onManagerClockSet: () => void;
  readonly signal: AbortSignal;
}

/** `one manager`: one of several managers is broken at a time, and nothing else. */
export type FaultScope = "none" | "all" | "one manager";

/** What a daemon asks an engine for that can be slow or fail. */
const WORK = [
  "createContainer",
  "startContainer",
  "stopContainer",
  "removeContainer",
  "pullImage",
  "createNetwork",
  "removeNetwork",
  "connectNetwork",
  "disconnectNetwork",
] as const satisfies readonly (keyof Engine)[];
const LOOKS = [
  "inspectContainer",
  "listContainers",
  "listNetworks",
  "describe",
  "events",
] as const satisfies readonly (keyof Engine)[];

/** How many of the kinds of faults a seed has. With fewer kinds, one does not so often set right what another broke. */
const KINDS_SHARE = 0.5;

/** Breaks things at random, each for a while. A thing that is broken is not broken again before it was set right. */
export class Faults {
  readonly #deps: Deps;
  readonly #random: Random;
  readonly #managers: ManagerFaults;
  readonly #kinds = new Map<string, boolean>();
  readonly #active = new Map<string, { readonly until: number; readonly undo: Undo }>();

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#random = deps.random;
    this.#managers = new ManagerFaults(deps);
  }

  /** Begins another fault. */
  async step(): Promise<void> {
    const faults = this.#choices().filter(([, { kind }]) => this.#has(kind));
    if (faults.length === 0) return;
    const fault = pickWeighted<Fault>(this.#random, faults);
    if (this.#active.has(fault.name)) return;
    this.#deps.log.note("fault", fault.name);
    const undo = await fault.begin();
    if (undo === undefined) return;
    const until = this.#deps.clock.now() + randomInt(this.#random, 1, fault.mostMs);
    this.#active.set(fault.name, { until, undo });
  }

  /** Ends the faults whose time is over; with `all`, every one. */
  async heal(all: boolean): Promise<void> {
    for (const [name, { until, undo }] of this.#active) {
      if (!all && until > this.#deps.clock.now()) continue;
      this.#active.delete(name);
      this.#deps.log.note("heal", name);
      await undo();
    }
  }

  #choices(): readonly FaultChoice[] {
    if (this.#deps.scope === "none") return [];
    if (this.#deps.scope === "all") return [...this.#hostFaults(), ...this.#managers.choices()];
    return this.#active.size > 0 ? [] : this.#managers.choices().filter(([, { kind }]) => kind !== CLOCK);
  }

  /** Decided once for each kind. */
  #has(kind: string): boolean {
    const known = this.#kinds.get(kind) ?? chance(this.#random, KINDS_SHARE);
    this.#kinds.set(kind, known);
    return known;
  }

  #hostFaults(): readonly FaultChoice[] {
    const host = pick(this.#random, this.#deps.hosts);
    const named = (kind: string, mostMs: number, begin: Fault["begin"]): Fault => ({
      kind,
      name: `${host.name}: ${kind}`,
      mostMs,
      begin,
    });
    return [
      [2, named("power", 60_000, () => this.#powerOff(host))],
      [3, named("daemon", 15_000, () => this.#killDaemon(host))],
      [2, named("engine", 15_000, () => this.#crashEngine(host))],
      [2, named("slow engine", 30_000, () => this.#slowEngine(host))],
      [2, named("failing engine", 1, () => this.#failEngine(host))],
      [2, named("container", 1, () => this.#endContainer(host))],
      [1, named("removed container", 1, () => this.#removeContainer(host))],
      [1, named("removed network", 1, () => this.#removeNetwork(host))],
      [4, named("link", 40_000, () => this.#cut(host))],
      [1, named("slow link", 30_000, () => this.#slowLink(host))],
      [
        2,
        named(
          "reset",
          1,
          once(() => this.#deps.network.reset(host.name)),
        ),
      ],
      [1, named("resources", 60_000, () => this.#shrink(host))],
      [
        1,
        named(
          "clock",
          1,
          once(() => host.clock.jump(jumpMs(this.#random, FAR_MS))),
        ),
      ],
    ];
  }

  async #powerOff(host: SimHost): Promise<Undo | undefined> {
    await host.powerOff();
    const databaseLost = chance(this.#random, 0.2);
    return () => host.powerOn({ databaseLost });
  }

  async #killDaemon(host: SimHost): Promise<Undo> {
    await host.killDaemon();
    return () => host.startDaemon();
  }

  #crashEngine(host: SimHost): Undo | undefined {
    if (!host.isPowered) return undefined;
    host.engine.crash({ liveRestore: chance(this.#random, 0.5) });
    return () => {
      if (host.isPowered) host.engine.restart();
    };
  }

  #slowEngine(host: SimHost): Undo {
    const method = pick<keyof Engine>(this.#random, [...WORK, ...LOOKS]);
    host.engine.delay(method, randomInt(this.#random, 100, 6_000));
    return () => host.engine.delay(method, 0);
  }

  #failEngine(host: SimHost): undefined {
    const method = pick<keyof Engine>(this.#random, [...WORK, ...LOOKS]);
    const code = pick(this.#random, ["unavailable", "unavailable", "internal"] as const);
    const count = randomInt(this.#random, 1, 4);
    for (let left = count; left > 0; left--) host.engine.failNext(method, new FlotillaError(code, "failed by script"));
    this.#deps.log.note(host.name, `${method} will fail ${count} times: ${code}`);
  }

  #endContainer(host: SimHost): undefined {
    const running = host.engine.containers.filter(({ state }) => state === "running");
    const container = pickAny(this.#random, running);
    if (container !== undefined) host.engine.exit(container.id, pick(this.#random, [0, 1, 137]));
  }

  async #removeContainer(host: SimHost): Promise<undefined> {
    const container = pickAny(this.#random, host.engine.containers);
    if (container === undefined || !host.isPowered) return undefined;
    await host.engine.removeContainer(container.id, this.#deps.signal).catch(() => undefined);
    return undefined;
  }

  async #removeNetwork(host: SimHost): Promise<undefined> {
    const network = pickAny(this.#random, host.engine.networks);
    if (network === undefined || !host.isPowered) return undefined;
    await host.engine.removeNetwork(network.id, this.#deps.signal).catch(() => undefined);
    return undefined;
  }

  /** Less memory and fewer processors, as after a change of a virtual machine. */
  #shrink(host: SimHost): Undo {
    const whole = host.engine.description;
    const Resources = { NanoCPUs: 1e9, MemoryBytes: 1e9 };
    host.engine.description = { ...whole, Resources };
    return () => {
      host.engine.description = whole;
    };
  }

  #cut(host: SimHost): Undo | undefined {
    if (!host.isPowered) return undefined;
    const directions = pick(this.#random, [["toManager"], ["toHost"], ["toManager", "toHost"]] as const);
    this.#deps.network.cut(host.name, directions);
    return () => {
      if (host.isPowered) this.#deps.network.heal(host.name);
    };
  }

  #slowLink(host: SimHost): Undo {
    this.#deps.network.slowDown(host.name, randomInt(this.#random, 50, 2_000));
    return () => {
      if (host.isPowered) this.#deps.network.heal(host.name);
    };
  }
}
