/** Something that a host is to hold: what `key` names has this `value`. */
export interface Fact {
  readonly key: string;
  readonly value: string;
}

/**
 * What a host is to hold, said by several sources (networks, services, containers). Facts of one key from several
 * sources are one; should they differ for a moment, the one that was said last holds. Remembers which keys a change
 * has touched, so that its cost does not depend on all that there is.
 */
export class Wanted<F extends Fact> {
  readonly #bySource = new Map<string, readonly F[]>();
  /** Per key what each source says, the last one last. */
  readonly #byKey = new Map<string, readonly { readonly source: string; readonly fact: F }[]>();
  #dirty = new Set<string>();

  get size(): number {
    return this.#byKey.size;
  }

  get hasChanged(): boolean {
    return this.#dirty.size > 0;
  }

  /** Replaces all that the source has said before. */
  set(source: string, facts: readonly F[]): void {
    const before = this.#bySource.get(source) ?? [];
    if (before.length === 0 && facts.length === 0) return;
    const said = new Map(before.map((fact) => [fact.key, fact]));
    const kept = new Set(facts.map((fact) => fact.key));
    for (const fact of before) if (!kept.has(fact.key)) this.#unsay(source, fact.key);
    for (const fact of facts) if (said.get(fact.key)?.value !== fact.value) this.#say(source, fact);
    if (facts.length > 0) this.#bySource.set(source, facts);
    else this.#bySource.delete(source);
  }

  keys(): Iterable<string> {
    return this.#byKey.keys();
  }

  get(key: string): F | undefined {
    return this.#byKey.get(key)?.at(-1)?.fact;
  }

  *values(): Generator<F, void, undefined> {
    for (const said of this.#byKey.values()) {
      const fact = said.at(-1)?.fact;
      if (fact !== undefined) yield fact;
    }
  }

  /** The keys that were said anew or taken back since the last call. */
  takeChanged(): ReadonlySet<string> {
    const dirty = this.#dirty;
    this.#dirty = new Set();
    return dirty;
  }

  #say(source: string, fact: F): void {
    const said = this.#byKey.get(fact.key);
    const saying = { source, fact };
    this.#byKey.set(fact.key, said === undefined ? [saying] : [...said.filter((own) => own.source !== source), saying]);
    this.#dirty.add(fact.key);
  }

  #unsay(source: string, key: string): void {
    const others = this.#byKey.get(key)?.filter((said) => said.source !== source) ?? [];
    if (others.length > 0) this.#byKey.set(key, others);
    else this.#byKey.delete(key);
    this.#dirty.add(key);
  }
}
