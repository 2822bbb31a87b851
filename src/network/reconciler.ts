import type { Clock } from "#base/clock.ts";
import { errorMessage, type FlotillaError } from "#base/errors.ts";
import { parseCidr } from "#base/ipv4.ts";
import type { Logger } from "#base/log.ts";
import type { NetworkId } from "#model/ids.ts";
import type { Agenda } from "./agenda.ts";
import type { LocalContainer } from "./data-plane.ts";
import { EngineFirewall } from "./engine-firewall.ts";
import { FlowKeeper, newUdpPorts } from "./flows.ts";
import { Guests } from "./guests.ts";
import type { Host } from "./host.ts";
import { runOn } from "./host-problem.ts";
import { jsonRows } from "./json-rows.ts";
import { hairpinFact } from "./links/link-fact.ts";
import { LinkKeeper } from "./links/link-keeper.ts";
import type { NameService } from "./name-service.ts";
import { bridgeName } from "./names.ts";
import type { NetworkState } from "./network-state.ts";
import { type HostRoute, routeConflict } from "./route-conflicts.ts";
import { guestRules } from "./rules/guest-rules.ts";
import type { RuleChange } from "./rules/render.ts";
import { RuleKeeper } from "./rules/rule-keeper.ts";
import type { RuleWatch } from "./rules/rule-watch.ts";
import type { Fact, Wanted } from "./wanted.ts";

interface Deps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly host: Host;
  readonly names: NameService;
  readonly state: NetworkState;
  readonly agenda: Agenda;
  readonly ruleWatch: RuleWatch;
}

/** Where the facts about ports of bridges come from, beside networks and services. */
const GUESTS = "guests";

/** Makes a host what the managers want: one step compares all that may have changed, and does the difference. */
export class Reconciler {
  readonly #deps: Deps;
  readonly #links: LinkKeeper;
  readonly #rules: RuleKeeper;
  readonly #guests: Guests;
  readonly #firewall: EngineFirewall;
  readonly #flows: FlowKeeper;
  #containers: readonly LocalContainer[] = [];
  #routeProblems: ReadonlyMap<NetworkId, string> = new Map();
  #nameProblems: ReadonlyMap<NetworkId, FlotillaError> = new Map();

  constructor(deps: Deps) {
    const { host, log, state } = deps;
    this.#deps = deps;
    this.#links = new LinkKeeper(host, state.links);
    this.#rules = new RuleKeeper({ host, log, wanted: state.rules, watch: deps.ruleWatch });
    this.#guests = new Guests(host);
    this.#firewall = new EngineFirewall(host);
    this.#flows = new FlowKeeper(host, log);
  }

  set containers(containers: readonly LocalContainer[]) {
    this.#containers = containers;
  }

  /** Says that somebody else has changed our rules. */
  doubtRules(): void {
    this.#rules.doubt();
  }

  problem(id: NetworkId): string | undefined {
    return this.#routeProblems.get(id) ?? this.#nameProblems.get(id)?.message;
  }

  /** Whether the bridge of a network was there at the last step, and its gateway has the network's name server. */
  hasNetwork(id: NetworkId): boolean {
    const network = this.#deps.state.networks.get(id);
    return network !== undefined && this.#links.bridges.has(bridgeName(network.vni)) && !this.#nameProblems.has(id);
  }

  async step(signal: AbortSignal): Promise<void> {
    const { agenda, clock, state } = this.#deps;
    const isSweep = agenda.takeSweep(clock.now());
    if (agenda.takeLook(clock.now())) {
      await this.#links.look(signal);
      await this.#findConflicts(signal);
    }
    await this.#findGuests(signal);
    // Rules first: an address that stands for a service must not lead to the host's own services.
    const isFlowChange = state.serving.hasChanged || state.present.hasChanged;
    const changes = await this.#rules.apply(signal);
    await this.#links.apply(signal);
    await this.#forgetFlows(changes, isFlowChange, signal);
    if (isSweep) await this.#firewall.apply(signal);
    await this.#listen();
  }

  async clear(signal: AbortSignal): Promise<void> {
    await this.#deps.names.listen(new Map());
    await this.#links.clear(signal);
    await this.#rules.clear(signal);
    await this.#firewall.clear(signal);
  }

  async #findConflicts(signal: AbortSignal): Promise<void> {
    const waiting = [...this.#deps.state.networks.values()].filter(({ id }) => !this.#hasBridge(id));
    if (waiting.length === 0 && this.#routeProblems.size === 0) return;
    const routes = jsonRows<HostRoute>(
      await runOn(this.#deps.host, ["ip", "-json", "-4", "route", "show", "table", "main"], signal),
    );
    const problems = waiting.flatMap((network) => {
      const conflict = routeConflict(network, routes);
      return conflict === undefined ? [] : [[network.id, conflict] as const];
    });
    this.#routeProblems = new Map(problems);
  }

  async #findGuests(signal: AbortSignal): Promise<void> {
    const { state } = this.#deps;
    const ports = await this.#guests.find(state, this.#containers, this.#links.ports, signal);
    state.rules.set(GUESTS, guestRules(ports));
    state.links.set(
      GUESTS,
      this.#links.ports.map(({ device, bridge }) => hairpinFact(device, bridge)),
    );
  }

  /** @param changes of the rules; undefined when all were loaded, as at the start: flows may be older than we are. */
  async #forgetFlows(
    changes: readonly RuleChange[] | undefined,
    isChange: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { state } = this.#deps;
    const published = newUdpPorts(changes ?? []);
    // Twice for each endpoint: what it still answers after it was withdrawn ends, at the latest, with itself.
    const isGone = isChange && [state.serving, state.present].map(losesSome).includes(true);
    if (changes !== undefined && !isGone && published.size === 0) return;
    const subnets = [...state.networks.values()].flatMap(({ subnet }) => parseCidr(subnet) ?? []);
    const isServing = (address: string) => state.serving.get(address) !== undefined;
    await this.#flows.forgetStale({ subnets, isServing, published }, signal);
  }

  async #listen(): Promise<void> {
    const { names, state, log } = this.#deps;
    const addresses = [...state.networks.values()].filter(
      ({ id, address }) => this.#hasBridge(id) && this.#links.gateways.has(address),
    );
    const failures = await names.listen(new Map(addresses.map(({ id, address }) => [id, address])));
    for (const [id, err] of failures) {
      if (this.#nameProblems.get(id)?.message !== err.message)
        log.error({ network: id, err: errorMessage(err) }, "no names on a network");
    }
    this.#nameProblems = failures;
  }

  #hasBridge(id: NetworkId): boolean {
    const network = this.#deps.state.networks.get(id);
    return network !== undefined && this.#links.bridges.has(bridgeName(network.vni));
  }
}

/** Whether the last changes have taken something back. */
const losesSome = (wanted: Wanted<Fact>): boolean =>
  [...wanted.takeChanged()].some((key) => wanted.get(key) === undefined);
