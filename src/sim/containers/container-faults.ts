import { type Random, randomInt } from "#base/random.ts";
import { chance, pick, pickAny, pickWeighted } from "#sim/choose.ts";
import type { ContainerCluster } from "./container-cluster.ts";

/** What can go wrong; a seed has some of it. */
const KINDS = [
  "power",
  "cable",
  "answers",
  "slow",
  "exit",
  "availability",
  "removal",
  "resignation",
  "crash",
  "store",
] as const;
type Kind = (typeof KINDS)[number];

const SHARE = 0.6;

/** Breaks hosts, engines and managers at random, and sets them right. */
export class ContainerFaults {
  readonly #cluster: ContainerCluster;
  readonly #random: Random;
  readonly #kinds: ReadonlySet<Kind>;

  constructor(cluster: ContainerCluster) {
    this.#cluster = cluster;
    this.#random = cluster.random;
    this.#kinds = new Set(KINDS.filter(() => chance(cluster.random, SHARE)));
  }

  has(kind: Kind): boolean {
    return this.#kinds.has(kind);
  }

  async step(): Promise<void> {
    const { hosts, managers, log } = this.#cluster;
    const host = pick(this.#random, hosts);
    const manager = pick(this.#random, managers);
    const all: readonly (readonly [number, Kind, () => Promise<void> | void])[] = [
      [5, "power", () => this.#lose("power")],
      [5, "cable", () => this.#lose("cable")],
      [2, "answers", () => this.#loseAnswers()],
      [2, "slow", () => void (host.isSlow = !host.isSlow)],
      [2, "exit", () => host.docker.exit(pickAny(this.#random, host.docker.containers)?.id ?? "")],
      [1, "availability", () => this.#changeAvailability()],
      [1, "removal", () => this.#removeNode()],
      [2, "resignation", () => managers.find(({ isLeading }) => isLeading)?.resign()],
      [1, "crash", () => this.#crash()],
      [1, "store", () => manager.cutFromStore()],
    ];
    const [kind, work] = pickWeighted(
      this.#random,
      all.map(([weight, name, begin]) => [weight, [name, begin] as const]),
    );
    if (!this.has(kind)) return;
    log.note("fault", kind);
    await work();
  }

  /** Sets right what is wrong with managers and engines, and some of what is wrong with hosts. */
  async heal(hostsToo: number): Promise<void> {
    const { hosts, managers } = this.#cluster;
    for (const host of hosts) {
      host.lostAnswers = 0;
      host.isSlow = false;
      if (host.isLost && chance(this.#random, hostsToo)) await this.#cluster.find(host);
    }
    for (const manager of managers) {
      manager.healToStore();
      if (!manager.host.isLost) await manager.start();
    }
  }

  async #lose(how: "power" | "cable"): Promise<void> {
    const { hosts, managers } = this.#cluster;
    const lost = hosts.filter(({ isLost }) => isLost);
    const back = pickAny(this.#random, lost);
    if (back !== undefined && chance(this.#random, 0.4)) return await this.#cluster.find(back);
    const host = pick(this.#random, hosts);
    const others = managers.filter((manager) => manager.isUp && manager.host !== host);
    if (host.isLost || others.length === 0 || lost.length >= hosts.length - 2) return;
    await this.#cluster.lose(host, how);
  }

  #loseAnswers(): void {
    const host = pick(this.#random, this.#cluster.hosts);
    host.lostAnswers = host.lostAnswers > 0 ? 0 : 0.5;
  }

  async #changeAvailability(): Promise<void> {
    const host = pick(this.#random, this.#cluster.hosts);
    await this.#cluster.setAvailability(host, pick(this.#random, ["active", "active", "pause", "drain"]));
  }

  async #removeNode(): Promise<void> {
    const host = pickAny(
      this.#random,
      this.#cluster.hosts.filter(({ isLost }) => isLost),
    );
    if (host !== undefined) await this.#cluster.removeNode(host);
  }

  async #crash(): Promise<void> {
    const up = this.#cluster.managers.filter(({ isUp }) => isUp);
    if (up.length < 2) return;
    const manager = pick(this.#random, up);
    this.#cluster.log.note(`m.${manager.host.name}`, "crashes");
    await manager.crash();
    if (randomInt(this.#random, 0, 2) === 0 && !manager.host.isLost) await manager.start();
  }
}
