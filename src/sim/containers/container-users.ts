import { errorMessage } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import { policyOf, SWARM_ID_LABEL } from "#plan/place/wish.ts";
import { chance, pick, pickAny, pickWeighted } from "#sim/choose.ts";
import type { EventLog } from "#sim/event-log.ts";
import type { ContainerRules } from "./container-rules.ts";
import type { DockerHost } from "./docker-host.ts";
import type { ManagerOnHost, Reply } from "./manager-on-host.ts";
import type { ContainerBody, SimContainer } from "./sim-docker.ts";

/** None could be the beginning of an id. */
const NAMES = ["n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8"] as const;

interface Deps {
  readonly random: Random;
  readonly log: EventLog;
  readonly hosts: readonly DockerHost[];
  readonly rules: ContainerRules;
  readonly readyManagers: readonly ManagerOnHost[];
}

/** People who run, stop, rename and remove containers, by whichever manager answers, one after the other. */
export class ContainerUsers {
  readonly #deps: Deps;
  readonly #random: Random;
  /** Managers that start anew do not know what containers of lost hosts are called, but for those that move. */
  readonly #reusesNames: boolean;
  #count = 0;

  constructor(deps: Deps, reusesNames: boolean) {
    this.#deps = deps;
    this.#random = deps.random;
    this.#reusesNames = reusesNames;
  }

  async step(): Promise<void> {
    const manager = pickAny(this.#random, this.#deps.readyManagers);
    if (manager === undefined) return;
    const act = pickWeighted(this.#random, [
      [6, () => this.#run(manager)],
      [2, () => this.#tell(manager, "stop")],
      [2, () => this.#tell(manager, "start")],
      [1, () => this.#rename(manager)],
      [2, () => this.#remove(manager)],
    ]);
    await act();
  }

  async #run(manager: ManagerOnHost): Promise<void> {
    const moves = chance(this.#random, 0.65);
    const name = this.#name(moves);
    const reply = await this.#ask(manager, "POST", `/containers/create?name=${name}`, this.#body(moves));
    const { Id: id } = (reply?.json ?? {}) as { readonly Id?: string };
    if (reply?.status !== 201 || id === undefined) return;
    this.#deps.rules.noteCreation(id);
    if (chance(this.#random, 0.15)) return;
    await this.#ask(manager, "POST", `/containers/${id}/start`);
  }

  #body(moves: boolean): ContainerBody {
    const port = pick(this.#random, ["", "", "80", "81"]);
    const byLabel = moves && chance(this.#random, 0.5);
    const asked = [
      ...(moves && !byLabel ? ["reschedule:on-node-failure"] : []),
      ...(chance(this.#random, 0.1) ? [`constraint:node==${pick(this.#random, this.#deps.hosts).name}`] : []),
    ];
    return {
      Image: pick(this.#random, ["app", "app", "tool", "rare"]),
      Env: ["A=1", ...asked],
      ...(byLabel && { Labels: { "com.docker.swarm.reschedule-policies": '["on-node-failure"]' } }),
      HostConfig: {
        NanoCpus: 1e9 * pick(this.#random, [0, 0.5, 1]),
        Memory: 1e6 * pick(this.#random, [0, 200, 400]),
        ...(port !== "" && { PortBindings: { "80/tcp": [{ HostPort: port }] } }),
      },
    };
  }

  async #tell(manager: ManagerOnHost, verb: "stop" | "start"): Promise<void> {
    const container = this.#any();
    if (container === undefined) return;
    this.#deps.rules.noteCall(container, "other");
    await this.#ask(manager, "POST", `/containers/${container.name}/${verb}`);
  }

  async #rename(manager: ManagerOnHost): Promise<void> {
    const container = this.#any();
    if (container === undefined) return;
    const name = this.#name(policyOf(container.body.Labels ?? {}) !== "off");
    await this.#ask(manager, "POST", `/containers/${container.name}/rename?name=${name}`);
  }

  #name(moves: boolean): string {
    return moves || this.#reusesNames ? pick(this.#random, NAMES) : `own${++this.#count}`;
  }

  async #remove(manager: ManagerOnHost): Promise<void> {
    const container = this.#any();
    if (container === undefined) return;
    for (const host of this.#deps.hosts) {
      for (const one of host.docker.containers) {
        if (one.name === container.name) this.#deps.rules.noteCall(one, "remove");
      }
    }
    await this.#ask(manager, "DELETE", `/containers/${container.name}?force=1`);
  }

  /** Looks at what each manager lists. @returns what is wrong with it. */
  async lookAtLists(): Promise<readonly string[]> {
    const problems: string[] = [];
    for (const manager of this.#deps.readyManagers) {
      const reply = await this.#ask(manager, "GET", "/containers/json?all=1");
      const listed = (reply?.json ?? []) as readonly { readonly Names: readonly string[]; readonly Labels: object }[];
      const ids = listed.flatMap(({ Labels }) =>
        Object.entries(Labels).flatMap(([key, id]) => (key === SWARM_ID_LABEL ? [id] : [])),
      );
      if (new Set(ids).size < ids.length) problems.push(`the manager on ${manager.host.name} lists a container twice`);
    }
    return problems;
  }

  #any(): SimContainer | undefined {
    return pickAny(
      this.#random,
      this.#deps.hosts.flatMap((host) => host.docker.containers),
    );
  }

  async #ask(manager: ManagerOnHost, method: string, path: string, body?: object): Promise<Reply | undefined> {
    const what = `${method} ${path} by ${manager.host.name}`;
    try {
      const reply = await manager.call(method, path, body);
      const { message = "" } = (reply.json ?? {}) as { readonly message?: string };
      this.#deps.log.note("users", `${what}: ${reply.status} ${message.replaceAll("\n", " ")}`);
      return reply;
    } catch (err) {
      this.#deps.log.note("users", `${what}: ${errorMessage(err)}`);
      return undefined;
    }
  }
}
