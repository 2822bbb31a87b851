import { errorCode } from "#base/errors.ts";
import type { Host } from "./host.ts";
import { runOn } from "./host-problem.ts";

/** The chain that the engine leaves to others, and asks first: it is there while the engine manages iptables. */
const CHAIN = "DOCKER-USER";

/** Whether a line of `nft monitor` tells of a change of that chain. An engine with the older iptables tells of none. */
export const isEngineFirewallEvent = (line: string): boolean => line.includes(CHAIN);

const MARKED = ["-m", "comment", "--comment", "flotilla"];

/**
 * What passes the engine's firewall because of us; our own rules then judge it. What a container begins, the engine
 * lets out by itself, and not to containers of the engine's other networks.
 */
const OPENINGS: readonly (readonly string[])[] = [
  ["-o", "fl-br+", ...MARKED, "-j", "ACCEPT"],
  ["-i", "fl-br+", "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", ...MARKED, "-j", "ACCEPT"],
];

/** Keeps our accept rules in the engine's firewall: after what users have put there, and only if it has the chain. */
export class EngineFirewall {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  async apply(signal: AbortSignal): Promise<void> {
    const rules = await this.#rules(signal);
    if (rules === undefined) return;
    for (const opening of OPENINGS) {
      if (rules.includes(`-A ${CHAIN} ${opening.join(" ")}`) || (await this.#has(opening, signal))) continue;
      await this.#insert(opening, signal);
    }
  }

  async clear(signal: AbortSignal): Promise<void> {
    if ((await this.#rules(signal)) === undefined) return;
    for (const opening of OPENINGS) {
      while (await this.#has(opening, signal)) await this.#iptables(["-D", CHAIN, ...opening], signal);
    }
  }

  /** The chain's rules; undefined when there is no such chain. */
  async #rules(signal: AbortSignal): Promise<readonly string[] | undefined> {
    try {
      const { code, stdout } = await this.#host.run(["iptables", "-w", "-S", CHAIN], signal);
      return code === 0 ? stdout.split("\n").filter((line) => line.startsWith("-A ")) : undefined;
    } catch (err) {
      if (signal.aborted || errorCode(err) !== "not_found") throw err;
      return undefined; // no engine can have made the chain
    }
  }

  async #has(opening: readonly string[], signal: AbortSignal): Promise<boolean> {
    return (await this.#host.run(["iptables", "-w", "-C", CHAIN, ...opening], signal)).code === 0;
  }

  /** Before the final `RETURN`, if there is one. */
  async #insert(opening: readonly string[], signal: AbortSignal): Promise<void> {
    const rules = (await this.#rules(signal)) ?? [];
    const isReturn = rules.at(-1) === `-A ${CHAIN} -j RETURN`;
    const place = isReturn ? ["-I", CHAIN, String(rules.length)] : ["-A", CHAIN];
    await this.#iptables([...place, ...opening], signal);
  }

  async #iptables(args: readonly string[], signal: AbortSignal): Promise<void> {
    await runOn(this.#host, ["iptables", "-w", ...args], signal);
  }
}
