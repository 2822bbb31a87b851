import { FlotillaError } from "#base/errors.ts";
import type { Host } from "#network/host.ts";
import { lacks, runOn } from "#network/host-problem.ts";
import { Wanted } from "#network/wanted.ts";
import { type LinkChange, linkCommands } from "./link-commands.ts";
import { linkDifference } from "./link-difference.ts";
import { keyOf, type LinkFact } from "./link-fact.ts";
import { type BridgePort, LOOK_IP, type ObservedLinks, parseLinks } from "./observed-links.ts";

const BRIDGE_NETFILTER = "net/bridge/bridge-nf-call-iptables";

/** Keeps the kernel's devices, addresses, neighbours and routes as wanted. */
export class LinkKeeper {
  readonly #host: Host;
  readonly #wanted: Wanted<LinkFact>;
  /** What the kernel holds, as far as we know: what we saw, and what we did since. */
  #held = new Map<string, string>();
  #seen: ObservedLinks | undefined;
  #mustCompareAll = true;

  constructor(host: Host, wanted: Wanted<LinkFact>) {
    this.#host = host;
    this.#wanted = wanted;
  }

  get bridges(): ReadonlySet<string> {
    return this.#seen?.bridges ?? new Set();
  }

  get ports(): readonly BridgePort[] {
    return this.#seen?.ports ?? [];
  }

  get gateways(): ReadonlySet<string> {
    return this.#seen?.gateways ?? new Set();
  }

  /** Looks what the kernel holds. */
  async look(signal: AbortSignal): Promise<void> {
    const [ip, bridge] = await Promise.all([
      runOn(this.#host, ["ip", "-json", "-details", "-batch", "-"], signal, lines(LOOK_IP)),
      runOn(this.#host, ["bridge", "-json", "fdb", "show"], signal),
    ]);
    this.#seen = parseLinks(ip, bridge);
    this.#held = new Map(this.#seen.held);
    this.#mustCompareAll = true;
  }

  /** Makes the kernel hold what is wanted, as far as the bridges exist. @returns whether anything had to be done. */
  async apply(signal: AbortSignal): Promise<boolean> {
    const changed = this.#wanted.takeChanged();
    const keys = this.#mustCompareAll ? this.#allKeys() : changed;
    this.#mustCompareAll = true; // until all has gone well
    const settings = await this.#applySettings(keys, signal);
    const changes = linkDifference(this.#wanted, this.#held, this.bridges, keys);
    await this.#execute(changes, signal);
    this.#mustCompareAll = false;
    return settings + changes.length > 0;
  }

  /** Takes out all that is ours, whether wanted or not. */
  async clear(signal: AbortSignal): Promise<void> {
    await this.look(signal);
    await this.#execute(linkDifference(new Wanted(), this.#held, this.bridges, this.#held.keys()), signal);
  }

  #allKeys(): ReadonlySet<string> {
    return new Set([...this.#wanted.keys(), ...this.#held.keys()]);
  }

  async #execute(changes: readonly LinkChange[], signal: AbortSignal): Promise<void> {
    const { ip, bridge } = linkCommands(changes);
    // What one line cannot do must not keep the others from being done: all is looked at again then.
    if (ip.length > 0) await runOn(this.#host, ["ip", "-force", "-batch", "-"], signal, lines(ip));
    if (bridge.length > 0) await runOn(this.#host, ["bridge", "-force", "-batch", "-"], signal, lines(bridge));
    for (const { type, fact } of changes) {
      const key = keyOf(fact.table, fact.name);
      if (type === "put") this.#held.set(key, fact.value);
      else this.#held.delete(key);
    }
  }

  async #applySettings(keys: Iterable<string>, signal: AbortSignal): Promise<number> {
    let written = 0;
    for (const key of keys) {
      const fact = this.#wanted.get(key);
      if (fact?.table !== "setting" || (fact.bridge !== undefined && !this.bridges.has(fact.bridge))) continue;
      signal.throwIfAborted();
      if ((await this.#host.readSetting(fact.name)) === fact.value) continue;
      await this.#write(fact);
      written++;
    }
    return written;
  }

  async #write({ name, value }: LinkFact): Promise<void> {
    try {
      await this.#host.writeSetting(name, value);
    } catch (cause) {
      if (name === BRIDGE_NETFILTER)
        throw lacks('the kernel module br_netfilter is missing, try "modprobe br_netfilter"', cause);
      throw new FlotillaError("internal", `cannot set ${name} to ${value}`, { cause });
    }
  }
}

const lines = (commands: readonly string[]): string => commands.map((command) => `${command}\n`).join("");
