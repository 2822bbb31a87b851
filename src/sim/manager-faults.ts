import type { Random } from "#base/random.ts";
import { chance, pick } from "./choose.ts";
import { FAR_MS, type Fault, type FaultChoice, jumpMs, NEAR_MS, once, type Undo } from "./fault.ts";
import type { SimHost } from "./sim-host.ts";
import type { SimManager } from "./sim-manager.ts";
import type { SimNetwork } from "./sim-network.ts";
import type { StoreTrouble } from "./sim-store.ts";

/** The kind of the fault that sets a manager's clock. */
export const CLOCK = "manager's clock";

interface Deps {
  readonly random: Random;
  readonly network: SimNetwork;
  readonly managers: readonly SimManager[];
  readonly hosts: readonly SimHost[];
  /** Called when time as a manager measures it jumps. */
  readonly onManagerClockSet: () => void;
}

/** What happens to managers: their process, their way to the store, their way to the agents. */
export class ManagerFaults {
  readonly #deps: Deps;
  readonly #random: Random;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#random = deps.random;
  }

  /** What can be done to one of them, which is chosen anew each time. */
  choices(): readonly FaultChoice[] {
    const manager = pick(this.#random, this.#deps.managers);
    const hasOthers = this.#deps.managers.length > 1;
    const named = (kind: string, mostMs: number, begin: Fault["begin"]): Fault => ({
      kind,
      name: `manager of ${manager.hostName}: ${kind}`,
      mostMs,
      begin,
    });
    return [
      [3, named("manager", 15_000, () => this.#crashManager(manager))],
      [1, named("slow store", 20_000, () => this.#troubleStore(manager, { slowMs: 400 }))],
      [2, named("failing store", 10_000, () => this.#troubleStore(manager, { failing: 0.5 }))],
      [
        1,
        named(
          "watch",
          1,
          once(() => manager.store?.breakWatch()),
        ),
      ],
      [1, named(CLOCK, 1, () => this.#setClock(manager))],
      [2, named("frozen manager", 15_000, () => this.#freeze(manager))],
      [hasOthers ? 2 : 0, named("manager without store", 30_000, () => this.#cutFromStore(manager))],
      [hasOthers ? 2 : 0, named("manager's links", 30_000, () => this.#isolate(manager))],
    ];
  }

  #setClock(manager: SimManager): undefined {
    this.#deps.onManagerClockSet();
    manager.clock.jump(jumpMs(this.#random, this.#deps.managers.length > 1 ? NEAR_MS : FAR_MS));
  }

  #freeze(manager: SimManager): Undo | undefined {
    if (!manager.isUp) return undefined;
    manager.freeze();
    return () => manager.thaw();
  }

  #cutFromStore(manager: SimManager): Undo {
    manager.cutFromStore();
    return () => {
      manager.healToStore();
      if (chance(this.#random, 0.5)) manager.store?.breakWatch();
    };
  }

  /** Agents do not reach the manager, which goes on working with its store, or only does so in one direction. */
  #isolate(manager: SimManager): Undo | undefined {
    if (!this.#isPowered(manager)) return undefined;
    const directions = pick(this.#random, [["toManager"], ["toHost"], ["toManager", "toHost"]] as const);
    this.#deps.network.cut(manager.addr, directions);
    return () => {
      if (this.#isPowered(manager)) this.#deps.network.heal(manager.addr);
    };
  }

  #isPowered(manager: SimManager): boolean {
    return this.#deps.hosts.some((host) => host.manager === manager && host.isPowered);
  }

  async #crashManager(manager: SimManager): Promise<Undo> {
    await manager.crash();
    return () => {
      if (this.#isPowered(manager)) manager.start();
    };
  }

  #troubleStore({ store }: SimManager, trouble: StoreTrouble): Undo | undefined {
    if (store === undefined) return undefined;
    store.trouble = trouble;
    return () => {
      store.trouble = {};
    };
  }
}
