import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { readJson } from "#api/engine-json.ts";
import { EngineLink } from "#api/engine-link.ts";
import { withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { type Backoff, backoffMs } from "#base/retry.ts";
import type { PluginResponse } from "#engine/describe.ts";
import type { NodeId } from "#model/ids.ts";
import type { Node, NodeStatus } from "#model/objects.ts";
import { sameJson } from "#plan/same-json.ts";
import { engineAddress } from "./address.ts";
import { checkEngine, type EngineAnswer, type EngineInfo, engineNode, pendingNode } from "./engine-node.ts";
import type { ObjectsInMemory } from "./objects-in-memory.ts";
import type { DialEngine } from "./transport.ts";

/** What an engine says of itself takes longer where it has thousands of containers. */
const DESCRIBE_MS = 10_000;
/** Between tries to take an engine in. */
const RETRY: Backoff = { firstMs: 500, mostMs: 15_000 };

/** How engines are watched. */
export interface EnginePatience {
  /** How often an engine is asked whether it is there, and how long its answer may take. */
  readonly pingMs: number;
  /** So many pings may fail, one after the other, before the engine counts as lost. */
  readonly failureRetry: number;
  /** What an engine says of itself is asked again after a random time between the two. */
  readonly refreshMinMs: number;
  readonly refreshMaxMs: number;
}

export interface KeeperDeps {
  readonly objects: ObjectsInMemory;
  readonly dial: DialEngine;
  readonly patience: EnginePatience;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/**
 * Keeps the node of one engine as the engine is.
 *
 * - An engine is taken in when it answers, is an engine, and is not known by another address. Until then it is pending,
 *   and its node says why.
 * - One that stops to answer is down: its connections are cut, so that nobody waits for it, and no new ones opened.
 * - It is ready again when it answers again. Another engine at its address begins anew.
 */
export class EngineKeeper {
  readonly addr: string;
  readonly #deps: KeeperDeps;
  readonly #connections = new Set<Socket>();
  /** Where the address leads to, as connections have seen it. */
  #ip = "";
  /** The node of this engine in the table. */
  #nodeId: NodeId | undefined;

  constructor(addr: string, deps: KeeperDeps) {
    this.addr = addr;
    this.#deps = deps;
  }

  /** Undefined as long as nothing is known of the engine. */
  get nodeId(): NodeId | undefined {
    return this.#nodeId;
  }

  /** @throws FlotillaError `unavailable` while the engine is pending or down. */
  async connect(signal: AbortSignal): Promise<Duplex> {
    const node = this.#node;
    if (node?.status.state === "ready") {
      return await this.#dial(signal).catch((cause: unknown) => {
        signal.throwIfAborted();
        throw this.#unreachable(cause);
      });
    }
    const name = node?.description?.Hostname ?? this.addr;
    const why = node?.status.message ?? "it has not answered yet";
    throw new FlotillaError("unavailable", `node ${name} is ${node?.description ? "down" : "pending"}: ${why}`);
  }

  /** Keeps the node until `signal` aborts; then it is gone, and all connections are. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const connector = {
      connect: (stop: AbortSignal) => this.#dial(stop),
      unreachable: (cause: unknown) => this.#unreachable(cause),
    };
    const link = new EngineLink(connector, clock, signal);
    try {
      for (;;) {
        await this.#follow(link, await this.#takeIn(link, signal), signal);
      }
    } finally {
      this.#cut("the engine has left the cluster");
      this.#remove();
    }
  }

  /** Tries until the engine can be taken in. @returns its id. */
  async #takeIn(link: EngineLink, signal: AbortSignal): Promise<NodeId> {
    const { clock, random, log } = this.#deps;
    for (let tries = 1; ; tries++) {
      try {
        const answer = await this.#describe(link, signal);
        checkEngine(answer.info);
        this.#checkTwin(answer.info.ID);
        this.#remove();
        this.#put(engineNode(this.addr, answer, this.#status("ready"), clock.now()));
        log.info({ addr: this.addr, node: answer.info.Name }, "engine taken in");
        return answer.info.ID;
      } catch (err) {
        signal.throwIfAborted();
        const reason = errorMessage(err);
        const known = this.#node;
        if (known?.status.message !== reason) {
          log.warn({ addr: this.addr, reason }, "engine not taken in yet");
          this.#put(pendingNode(this.addr, reason, clock.now()));
        }
      }
      await clock.sleep(backoffMs(RETRY, tries, random), signal);
    }
  }

  /** Returns when another engine has taken the address. */
  async #follow(link: EngineLink, id: NodeId, signal: AbortSignal): Promise<void> {
    const { clock, patience } = this.#deps;
    const { pingMs } = patience;
    let refreshAt = this.#nextRefresh();
    for (let failures = 0; ; ) {
      await clock.sleep(pingMs, signal);
      try {
        await withDeadline(clock, pingMs, "the engine's answer", signal, (own) => link.ping(own));
        const isBack = this.#node?.status.state !== "ready";
        if (isBack || clock.now() >= refreshAt) {
          if (!(await this.#refresh(link, id, signal))) return;
          refreshAt = this.#nextRefresh();
        }
        failures = 0;
      } catch (err) {
        signal.throwIfAborted();
        if (++failures === patience.failureRetry) this.#lose(errorMessage(err));
      }
    }
  }

  /** @returns whether it is still the same engine. */
  async #refresh(link: EngineLink, id: NodeId, signal: AbortSignal): Promise<boolean> {
    const { clock, log } = this.#deps;
    const answer = await this.#describe(link, signal);
    if (answer.info.ID !== id) {
      log.warn({ addr: this.addr }, "another engine has the address now");
      this.#cut("another engine has its address now");
      return false;
    }
    const before = this.#node;
    const after = engineNode(this.addr, answer, this.#status("ready"), clock.now());
    if (before?.status.state !== "ready") log.info({ addr: this.addr, node: answer.info.Name }, "engine is back");
    if (before === undefined || !isSameEngine(before, after)) this.#put(after);
    return true;
  }

  #lose(reason: string): void {
    const node = this.#node;
    if (node === undefined) return;
    this.#deps.log.warn({ addr: this.addr, node: node.description?.Hostname, reason }, "engine lost");
    this.#put({ ...node, status: this.#status("down", reason), updatedAt: this.#deps.clock.now() });
    this.#cut(reason);
  }

  async #describe(link: EngineLink, signal: AbortSignal): Promise<EngineAnswer> {
    const { clock } = this.#deps;
    return await withDeadline(clock, DESCRIBE_MS, "the engine's information", signal, async (own) => {
      const info = await readJson<EngineInfo>(await link.open({ method: "GET", path: "/info" }, own));
      const plugins = await readJson<readonly PluginResponse[] | null>(
        await link.open({ method: "GET", path: "/plugins" }, own),
      );
      return { info, plugins: plugins ?? [] };
    });
  }

  /** The same engine by two names would be counted twice. */
  #checkTwin(id: NodeId): void {
    const twin = this.#deps.objects.get("node", id);
    if (twin === undefined || twin.engineAddr === this.addr) return;
    throw new FlotillaError(
      "exists",
      `ID duplicated: ${twin.engineAddr} and ${this.addr} are the same engine (${id}). Name it once; if its host was cloned, remove /etc/docker/key.json and /var/lib/docker/engine-id on one of the two and restart the engine`,
    );
  }

  async #dial(signal: AbortSignal): Promise<Socket> {
    const socket = await this.#deps.dial(engineAddress(this.addr), signal);
    this.#ip = (socket.remoteAddress ?? "").replace(/^::ffff:(?=\d+\.)/, "");
    this.#connections.add(socket);
    socket.once("close", () => this.#connections.delete(socket));
    return socket;
  }

  #cut(reason: string): void {
    for (const socket of this.#connections) socket.destroy(this.#unreachable(reason));
  }

  #unreachable(cause: unknown): FlotillaError {
    const message = `Cannot connect to the Docker Engine at tcp://${this.addr}: ${errorMessage(cause)}`;
    return new FlotillaError("unavailable", message, { cause });
  }

  #status(state: NodeStatus["state"], message?: string): NodeStatus {
    return { state, addr: this.#ip, since: this.#deps.clock.now(), ...(message !== undefined && { message }) };
  }

  #nextRefresh(): number {
    const { clock, random, patience } = this.#deps;
    const { refreshMinMs, refreshMaxMs } = patience;
    return clock.now() + refreshMinMs + random.next() * (refreshMaxMs - refreshMinMs);
  }

  get #node(): Node | undefined {
    return this.#nodeId === undefined ? undefined : this.#deps.objects.get("node", this.#nodeId);
  }

  #put(node: Node): void {
    if (this.#nodeId !== node.id) this.#remove();
    this.#nodeId = node.id;
    this.#deps.objects.put(node);
  }

  #remove(): void {
    if (this.#nodeId !== undefined) this.#deps.objects.remove("node", this.#nodeId);
    this.#nodeId = undefined;
  }
}

/** But for when it was looked at. */
function isSameEngine(one: Node, other: Node): boolean {
  const facts = ({ description, spec, status }: Node) => ({
    description,
    spec,
    state: status.state,
    addr: status.addr,
  });
  return sameJson(facts(one), facts(other));
}
