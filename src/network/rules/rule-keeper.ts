import { errorMessage } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Host } from "#network/host.ts";
import { runOn } from "#network/host-problem.ts";
import type { Wanted } from "#network/wanted.ts";
import { type RuleChange, renderAll, renderChanges, renderRemoval } from "./render.ts";
import type { RuleFact } from "./rule-fact.ts";
import type { RuleWatch } from "./rule-watch.ts";

interface Deps {
  readonly host: Host;
  readonly log: Logger;
  readonly wanted: Wanted<RuleFact>;
  readonly watch: RuleWatch;
}

/**
 * Keeps our tables of the firewall as wanted. It knows what it has loaded: a change is one small transaction. When
 * somebody else has touched the tables, and at the start, all is loaded anew, in one transaction as well.
 */
export class RuleKeeper {
  readonly #deps: Deps;
  readonly #loaded = new Map<string, RuleFact>();
  #isSure = false;
  /** How often somebody else was seen to change our tables. */
  #doubts = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Says that the kernel may hold something else than was loaded. */
  doubt(): void {
    this.#doubts++;
    this.#isSure = false;
  }

  /** @returns what was changed, in a transaction of its own; undefined when all was loaded anew. */
  async apply(signal: AbortSignal): Promise<readonly RuleChange[] | undefined> {
    const changed = this.#deps.wanted.takeChanged();
    if (!this.#isSure) return this.#loadAll(signal);
    const changes = this.#differences(changed);
    if (changes.length === 0) return changes;
    this.#isSure = false;
    const doubts = this.#doubts;
    try {
      await this.#transact(renderChanges(changes), signal);
    } catch (err) {
      signal.throwIfAborted();
      this.#deps.log.warn({ err: errorMessage(err) }, "a change of the firewall's rules failed, loading all of them");
      return this.#loadAll(signal);
    }
    for (const { before, after } of changes) {
      if (after !== undefined) this.#loaded.set(after.key, after);
      else if (before !== undefined) this.#loaded.delete(before.key);
    }
    this.#isSure = doubts === this.#doubts;
    return changes;
  }

  async clear(signal: AbortSignal): Promise<void> {
    await this.#transact(renderRemoval(), signal);
    this.#loaded.clear();
    this.#isSure = false;
  }

  #differences(keys: Iterable<string>): readonly RuleChange[] {
    const changes: RuleChange[] = [];
    for (const key of keys) {
      const [before, after] = [this.#loaded.get(key), this.#deps.wanted.get(key)];
      if (before?.value !== after?.value) changes.push({ before, after });
    }
    return changes;
  }

  async #loadAll(signal: AbortSignal): Promise<undefined> {
    const facts = [...this.#deps.wanted.values()];
    const doubts = this.#doubts;
    await this.#transact(renderAll(facts), signal);
    this.#loaded.clear();
    for (const fact of facts) this.#loaded.set(fact.key, fact);
    this.#isSure = doubts === this.#doubts;
  }

  #transact(text: string, signal: AbortSignal): Promise<string> {
    return this.#deps.watch.own(() => runOn(this.#deps.host, ["nft", "-f", "-"], signal, text));
  }
}
