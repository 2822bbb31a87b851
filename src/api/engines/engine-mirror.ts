import type { Json } from "#api/convert/meta-json.ts";
import { readJson } from "#api/engine-json.ts";
import type { EngineLink } from "#api/engine-link.ts";
import { withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { errorMessage } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { backoffMs } from "#base/retry.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Wakeup } from "#base/wakeup.ts";
import { parseJsonLines } from "#engine/json-lines.ts";
import type { NodeId } from "#model/ids.ts";
import type { ContainerIndex } from "./container-index.ts";

/** Wait before an engine that did not answer, or whose events ended, is asked again. */
const RETRY = { firstMs: 100, mostMs: 2_000 } as const;
/** An engine that hangs for longer is not waited for. */
const PING_MS = 2_000;
/** Beyond this many changed containers it is cheaper to ask for all. */
const MOST_SINGLY = 20;

/** Events of containers that change nothing of how the container is listed. Source: fact sheet classic-swarm 4. */
const UNEVENTFUL = /^(?:top|resize|export|exec_|attach|detach|copy|archive-path|extract-to-dir)/;

interface EngineEvent {
  readonly Action?: string;
  readonly Actor?: { readonly ID?: string };
}

interface Deps {
  readonly nodeId: NodeId;
  readonly engine: Pick<EngineLink, "open">;
  readonly index: ContainerIndex;
  /** Told when the engine has been looked at, or asked in vain. */
  readonly onAsked: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/**
 * Keeps the index as one engine's containers are. Events only say which to look at; an engine whose events break off is
 * asked for everything again. While it does not answer, the index shows what was known last.
 */
export class EngineMirror {
  readonly #deps: Deps;
  readonly #dirty = new Set<string>();
  readonly #wakeup = new Wakeup();
  #isCurrent = false;
  #isSilent = false;
  #isDoubted = false;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Whether the index has all of the engine's containers, but for those of the last moments. */
  get isCurrent(): boolean {
    return this.#isCurrent;
  }

  /** Whether the engine was asked last in vain. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** Makes sure that the engine still answers: it hung when somebody asked. */
  doubt(): void {
    this.#isDoubted = true;
    this.#wakeup.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log, nodeId, onAsked } = this.#deps;
    for (let failures = 0; ; ) {
      try {
        await this.#follow(() => (failures = 0), signal);
      } catch (err) {
        signal.throwIfAborted();
        if (failures === 0) log.debug({ err: errorMessage(err), node: nodeId }, "engine not followed");
      }
      this.#isCurrent = false;
      this.#isSilent = true;
      onAsked();
      await clock.sleep(backoffMs(RETRY, ++failures, random), signal);
    }
  }

  async #follow(onCurrent: () => void, signal: AbortSignal): Promise<void> {
    const { engine } = this.#deps;
    await using jobs = new TaskGroup(signal);
    const filters = encodeURIComponent(JSON.stringify({ type: ["container"] }));
    await this.#ping(jobs.signal);
    const events = await engine.open({ method: "GET", path: `/events?filters=${filters}` }, jobs.signal);
    try {
      jobs.spawn("engine events", async () => {
        for await (const event of parseJsonLines<EngineEvent>(events)) this.#note(event);
        throw new Error("the engine's events ended");
      });
      await this.#lookAtAll(jobs.signal);
      this.#isCurrent = true;
      this.#isSilent = false;
      this.#deps.onAsked();
      onCurrent();
      for (;;) {
        await this.#wakeup.wait(this.#deps.clock, undefined, jobs.signal);
        if (this.#isDoubted) await this.#ping(jobs.signal);
        await this.#look(jobs.signal);
      }
    } finally {
      events.destroy();
    }
  }

  /** @throws FlotillaError `unavailable` when the engine does not answer in time. */
  async #ping(signal: AbortSignal): Promise<void> {
    await withDeadline(this.#deps.clock, PING_MS, "the engine's answer", signal, async (own) => {
      const answer = await this.#deps.engine.open({ method: "GET", path: "/_ping" }, own);
      answer.destroy();
    });
    this.#isDoubted = false;
  }

  #note({ Action = "", Actor }: EngineEvent): void {
    if (Actor?.ID === undefined || UNEVENTFUL.test(Action)) return;
    this.#dirty.add(Actor.ID);
    this.#wakeup.wake();
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { index, nodeId } = this.#deps;
    const ids = [...this.#dirty];
    this.#dirty.clear();
    if (ids.length > MOST_SINGLY) return await this.#lookAtAll(signal);
    const found = await this.#list({ id: ids }, signal);
    const gone = new Set(ids);
    for (const summary of found) {
      index.put(nodeId, summary);
      gone.delete(String(summary["Id"]));
    }
    for (const id of gone) index.remove(nodeId, id);
  }

  async #lookAtAll(signal: AbortSignal): Promise<void> {
    const { index, nodeId } = this.#deps;
    index.replace(nodeId, await this.#list({}, signal));
  }

  async #list(filters: Json, signal: AbortSignal): Promise<readonly Json[]> {
    const query = new URLSearchParams({ all: "1", filters: JSON.stringify(filters) });
    const answer = await this.#deps.engine.open(
      { method: "GET", path: `/containers/json?${query.toString()}` },
      signal,
    );
    return await readJson<readonly Json[]>(answer);
  }
}
