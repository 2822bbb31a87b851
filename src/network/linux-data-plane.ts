import type { Clock } from "#base/clock.ts";
import { errorCode, errorMessage } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { Pulse } from "#base/pulse.ts";
import { type Random, systemRandom } from "#base/random.ts";
import { type Backoff, backoffMs } from "#base/retry.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { NetworkId } from "#model/ids.ts";
import type { NetworkObject } from "#model/node-network.ts";
import { Agenda } from "./agenda.ts";
import type { DataPlane, LocalContainer, NetworkChange } from "./data-plane.ts";
import { isEngineFirewallEvent } from "./engine-firewall.ts";
import type { Host } from "./host.ts";
import { LINK_EVENTS, linkEventUrgency, type Urgency } from "./link-events.ts";
import { localHost } from "./local-host.ts";
import { createNameService, type NameService } from "./name-service.ts";
import { NetworkState } from "./network-state.ts";
import { Reconciler } from "./reconciler.ts";
import { RuleWatch } from "./rules/rule-watch.ts";

export interface LinuxDataPlaneDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: Random;
  /** The name servers that the container with this address asked for; undefined when it asked for none. */
  readonly resolversFor?: (address: string) => readonly string[] | undefined;
  /** Default: the host in whose network namespace this process runs. */
  readonly host?: Host;
  /** Default: the name server in `dns/`. */
  readonly names?: NameService;
}

const RETRY: Backoff = { firstMs: 200, mostMs: 5_000 };
/** How soon a command that tells of events is started again when it has ended. */
const WATCH_AGAIN_MS = 1_000;

/** The data plane of a Linux host, by means of iproute2, nftables, conntrack, and iptables where the engine uses it. */
export const createLinuxDataPlane = (deps: LinuxDataPlaneDeps): DataPlane => new LinuxDataPlane(deps);

/**
 * The kernel is watched by two children, `ip monitor` and `nft monitor`: about 7 MB, and no work while nothing happens.
 * To ask for the tables every few seconds instead costs more, the more services there are.
 */
class LinuxDataPlane implements DataPlane {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #random: Random;
  readonly #host: Host;
  readonly #names: NameService;
  readonly #state = new NetworkState();
  readonly #agenda = new Agenda();
  readonly #ruleWatch: RuleWatch;
  readonly #reconciler: Reconciler;
  readonly #wakeup = new Wakeup();
  /** How often something was said, and how much of it is in force. */
  #said = 0;
  #done = 0;
  readonly #progress = new Pulse();
  #failures = 0;
  /** What this host lacks for any network. */
  #hostProblem: string | undefined;

  constructor(deps: LinuxDataPlaneDeps) {
    const { clock, log, random = systemRandom, host = localHost, resolversFor = () => undefined } = deps;
    this.#clock = clock;
    this.#log = log;
    this.#random = random;
    this.#host = host;
    this.#names = deps.names ?? createNameService({ clock, log, random, resolversFor });
    this.#ruleWatch = new RuleWatch(clock, () => this.#onForeignRules());
    this.#reconciler = new Reconciler({
      clock,
      log,
      host,
      names: this.#names,
      state: this.#state,
      agenda: this.#agenda,
      ruleWatch: this.#ruleWatch,
    });
  }

  reset(objects: Iterable<NetworkObject>): void {
    const all = [...objects];
    this.#state.reset(all);
    this.#names.reset(all);
    this.#onSaid();
  }

  change(changes: readonly NetworkChange[]): void {
    this.#state.change(changes);
    this.#names.change(changes);
    this.#onSaid();
  }

  setContainers(containers: readonly LocalContainer[]): void {
    this.#reconciler.containers = containers;
    this.#onSaid();
  }

  async settled(signal: AbortSignal): Promise<void> {
    const goal = this.#said;
    while (this.#done < goal) await this.#progress.wait(signal);
  }

  async ready(networkId: NetworkId, signal: AbortSignal): Promise<void> {
    await this.settled(signal);
    const isReady = () => this.#hostProblem === undefined && this.#reconciler.hasNetwork(networkId);
    if (!isReady()) this.#lookFor("now");
    while (!isReady()) await this.#progress.wait(signal);
  }

  problem(networkId: NetworkId): string | undefined {
    return this.#hostProblem ?? this.#reconciler.problem(networkId);
  }

  async run(signal: AbortSignal): Promise<void> {
    await using jobs = new TaskGroup(signal);
    jobs.spawn("link events", (stop) => this.#watch(LINK_EVENTS, (line) => this.#onLinkEvent(line), stop));
    jobs.spawn("rule events", (stop) => this.#watch(["nft", "monitor"], (line) => this.#onRuleEvent(line), stop));
    jobs.spawn("reconciliation", (stop) => this.#reconcile(stop));
    await jobs.done();
  }

  async clear(signal: AbortSignal): Promise<void> {
    await this.#reconciler.clear(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#names[Symbol.asyncDispose]();
  }

  async #reconcile(signal: AbortSignal): Promise<never> {
    for (;;) {
      const goal = this.#said;
      const retryAt = (await this.#step(signal)) ? undefined : this.#clock.now() + this.#patienceMs();
      if (retryAt === undefined || this.#hostProblem !== undefined) this.#done = goal;
      this.#progress.beat();
      if (retryAt !== undefined) this.#agenda.retry(retryAt);
      await this.#wakeup.wait(this.#clock, this.#agenda.nextAt, signal);
    }
  }

  /** @returns whether all went well. */
  async #step(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#reconciler.step(signal);
      this.#failures = 0;
      this.#hostProblem = undefined;
      return true;
    } catch (err) {
      signal.throwIfAborted();
      const message = errorMessage(err);
      if (this.#failures === 0) this.#log.error({ err: message }, "networks not in order, trying again");
      this.#failures++;
      this.#hostProblem = errorCode(err) === "precondition" ? message : undefined;
      return false;
    }
  }

  #patienceMs(): number {
    return RETRY.firstMs + backoffMs(RETRY, this.#failures, this.#random);
  }

  /** Hands on a command's lines. What happened while it did not run is looked for when it does again. */
  async #watch(argv: readonly string[], onLine: (line: string) => void, signal: AbortSignal): Promise<never> {
    for (;;) {
      this.#lookFor("soon"); // at what happens until the command listens
      try {
        await this.#host.watch(argv, onLine, signal);
      } catch (err) {
        signal.throwIfAborted();
        this.#log.warn({ err: errorMessage(err), command: argv.join(" ") }, "changes by others are not seen");
      }
      await this.#clock.sleep(WATCH_AGAIN_MS, signal);
      this.#onForeignRules();
    }
  }

  #onSaid(): void {
    this.#said++;
    this.#wakeup.wake();
  }

  #onLinkEvent(line: string): void {
    const urgency = linkEventUrgency(line, (key, value) => this.#state.links.get(key)?.value === value);
    if (urgency !== undefined) this.#lookFor(urgency);
  }

  #lookFor(urgency: Urgency): void {
    this.#agenda.event(urgency, this.#clock.now());
    this.#wakeup.wake();
  }

  #onRuleEvent(line: string): void {
    this.#ruleWatch.line(line);
    if (!isEngineFirewallEvent(line)) return;
    this.#agenda.sweep(this.#clock.now());
    this.#wakeup.wake();
  }

  #onForeignRules(): void {
    this.#reconciler.doubtRules();
    this.#wakeup.wake();
  }
}
