import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type Duplex, duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import type { Clock } from "#base/clock.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { type Random, randomInt } from "#base/random.ts";
import type { NodeId } from "#model/ids.ts";
import { chance } from "#sim/choose.ts";
import type { EventLog } from "#sim/event-log.ts";
import { type SimContainer, SimDocker } from "./sim-docker.ts";

/** The most that a call takes to an engine, and as much back, in milliseconds: one that is well, and one that is not. */
const LATENCY_MS = 20;
const SLOW_MS = 2_500;

interface Deps {
  readonly name: string;
  readonly nodeId: NodeId;
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  readonly images: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: EventLog;
  readonly life: AbortSignal;
  /** Hears of everything that happens to a container. */
  readonly onEvent: (action: string, container: SimContainer, host: DockerHost) => void;
}

/** A host with its engine, and the connections to it: it can be lost, and answers can. */
export class DockerHost {
  readonly name: string;
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  readonly docker: SimDocker;
  /** That of the cluster's node that it is at present. */
  nodeId: NodeId;
  /** Whether it takes its time over calls that change something. */
  isSlow = false;
  /** How many of the answers to calls that change something are lost. */
  lostAnswers = 0;
  /** When it was lost; undefined while it is there. */
  lostAt: number | undefined;
  /** When it was there again. */
  backAt = 0;
  readonly #deps: Deps;
  readonly #server = createServer({ requestTimeout: 0, keepAliveTimeout: 0 });
  readonly #connections = new Set<Duplex>();
  readonly #listeners = new Set<ServerResponse>();

  constructor(deps: Deps) {
    this.#deps = deps;
    this.name = deps.name;
    this.nodeId = deps.nodeId;
    this.nanoCpus = deps.nanoCpus;
    this.memoryBytes = deps.memoryBytes;
    this.docker = new SimDocker({
      random: deps.random,
      now: () => deps.clock.now(),
      images: deps.images,
      onEvent: (action, container) => {
        const { id, name } = container;
        deps.onEvent(action, container, this);
        deps.log.note(deps.name, `${action} ${name} ${id.slice(0, 6)}`);
        if (this.isLost) return;
        const event = { Type: "container", Action: action, Actor: { ID: id } };
        for (const listener of this.#listeners) listener.write(`${JSON.stringify(event)}\n`);
      },
    });
    this.#server.on("request", (request, response) => {
      this.#serve(request, response).catch((err: unknown) => response.destroy(new Error(errorMessage(err))));
    });
  }

  get isLost(): boolean {
    return this.lostAt !== undefined;
  }

  /** @throws FlotillaError `unavailable` while it is lost. */
  connect(): Duplex {
    if (this.isLost) throw new FlotillaError("unavailable", `${this.name} is lost`);
    const [near, far] = duplexPair();
    for (const end of [near, far]) {
      this.#connections.add(end);
      end.once("close", () => this.#connections.delete(end));
    }
    this.#server.emit("connection", far);
    return near;
  }

  /** Nobody hears of it any more: calls hang, until somebody breaks them off. */
  lose(how: "power" | "cable"): void {
    this.lostAt = this.#deps.clock.now();
    if (how === "power") this.docker.endAll();
  }

  /** The managers give up what leads to a host that they have not heard of for long. */
  breakOff(): void {
    for (const connection of this.#connections) connection.destroy();
    this.#listeners.clear();
  }

  find(): void {
    this.breakOff();
    this.lostAt = undefined;
    this.backAt = this.#deps.clock.now();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { random, clock, life } = this.#deps;
    const [path = "", query = ""] = (request.url ?? "").replace(/^\/v[0-9.]+/, "").split("?");
    const method = request.method ?? "GET";
    response.setHeader("Api-Version", "1.41");
    if (path === "/_ping") return void (this.isLost || response.end("OK"));
    if (path === "/events") return this.#listen(response);
    const body = await text(request);
    const worst = this.isSlow && method !== "GET" ? SLOW_MS : LATENCY_MS;
    await clock.sleep(randomInt(random, 1, worst), life);
    if (this.isLost) return;
    const answer = this.docker.call(method, path, new URLSearchParams(query), body === "" ? {} : JSON.parse(body));
    await clock.sleep(randomInt(random, 1, worst), life);
    if (method !== "GET" && chance(random, this.lostAnswers)) {
      this.#deps.log.note(this.name, `the answer to ${method} ${path} is lost`);
      response.destroy();
    } else if (!this.isLost) {
      response.writeHead(answer.status, { "Content-Type": "application/json" });
      response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
    }
  }

  #listen(response: ServerResponse): void {
    if (this.isLost) return;
    response.writeHead(200).flushHeaders();
    this.#listeners.add(response);
    response.once("close", () => this.#listeners.delete(response));
  }
}
