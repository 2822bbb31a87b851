import { withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { type Random, randomInt } from "#base/random.ts";
import type { View } from "#model/view.ts";
import { pickAny } from "./choose.ts";
import type { EventLog } from "./event-log.ts";
import type { SimHost } from "./sim-host.ts";

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: EventLog;
  readonly hosts: readonly SimHost[];
  readonly signal: AbortSignal;
}

/** Marks containers that users make themselves. */
export const USER_LABEL = "sim.user";
/** What each of them reserves: tasks find less room. */
const NANO_CPUS = 0.5e9;
/** Containers of users at a time. */
const MOST = 5;
const ATTACH_MS = 30_000;

/** What users do with containers of their own on attachable networks: `docker run --network`, stop, start and rm. */
export class AttachedContainers {
  readonly #deps: Deps;
  #names = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async step(view: View): Promise<void> {
    const own = this.#deps.hosts.flatMap((host) => host.userContainers().map((container) => ({ host, container })));
    const chosen = pickAny(this.#deps.random, own);
    if (own.length < MOST && randomInt(this.#deps.random, 0, 2) === 0) return this.#run(view);
    if (chosen === undefined) return;
    const { host, container } = chosen;
    this.#deps.log.note("user", `removes container ${container.name}`);
    await host.engine.removeContainer(container.id, this.#deps.signal);
  }

  async #run(view: View): Promise<void> {
    const { clock, random, log, hosts, signal } = this.#deps;
    const attachable = [...view.list("network")].filter(({ spec }) => spec.Attachable);
    const network = pickAny(random, attachable);
    const host = pickAny(random, hosts);
    if (network === undefined || host === undefined) return;
    const name = `u${++this.#names}`;
    const { Name } = network.spec;
    log.note("user", `runs container ${name} on network ${Name} at ${host.name}`);
    const { taskId, address } = await withDeadline(clock, ATTACH_MS, "attaching", signal, (stop) =>
      host.desk.attach({ network: Name, containerName: name, aliases: [] }, stop),
    );
    const body = {
      Image: "app:1",
      Labels: { [USER_LABEL]: taskId },
      HostConfig: { NetworkMode: Name, NanoCpus: NANO_CPUS },
      NetworkingConfig: { EndpointsConfig: { [Name]: { IPAMConfig: { IPv4Address: address } } } },
    };
    await host.engine.pullImage(body.Image, undefined, signal);
    const id = await host.engine.createContainer(name, body, signal);
    try {
      await host.engine.startContainer(id, signal);
    } catch (err) {
      await host.engine.removeContainer(id, signal);
      throw err instanceof FlotillaError ? err : new FlotillaError("internal", "not started", { cause: err });
    }
  }
}
