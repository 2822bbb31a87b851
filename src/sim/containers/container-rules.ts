import type { Clock } from "#base/clock.ts";
import type { MovableContainer, Node } from "#model/objects.ts";
import { policyOf, SWARM_ID_LABEL } from "#plan/place/wish.ts";
import type { StoreState } from "#store/state.ts";
import type { DockerHost } from "./docker-host.ts";
import type { SimContainer } from "./sim-docker.ts";

/** For so long what a host brought back may still run. */
const TWIN_MS = 10_000;

interface Deps {
  readonly clock: Clock;
  readonly hosts: readonly DockerHost[];
  readonly state: StoreState;
  violate(what: string): void;
  nodeOf(host: DockerHost): Node | undefined;
}

/** What must hold at every moment, and what when a cluster has come to rest. */
export class ContainerRules {
  readonly #deps: Deps;
  /** Containers that their users have, or may have, removed: engines' ids and those that they keep. */
  readonly #given = new Set<string>();
  /** Containers without the policy, by their engines' ids, and where they have to stay. */
  readonly #bound = new Map<string, DockerHost>();
  /** Containers with the policy that have users, by the ids that they keep. */
  readonly #owned = new Set<string>();
  /** What hosts had when their nodes were removed: when they join again, they bring names with them. */
  readonly #brought = new Set<string>();
  /** Those that ran when their host was lost, with the engines' ids that they had. */
  readonly #ranWhenLost = new Map<string, string>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** A user was told that there is a container: one whose creation broke off is nobody's. */
  noteCreation(containerId: string): void {
    for (const host of this.#deps.hosts) {
      const container = host.docker.containers.find(({ id }) => id === containerId);
      if (container === undefined) continue;
      const id = movableId(container);
      if (id === undefined) this.#bound.set(containerId, host);
      else this.#owned.add(id);
    }
  }

  /** A user asks to remove, stop or start a container: whatever is answered, it may be done. */
  noteCall(container: SimContainer, call: "remove" | "other"): void {
    const id = movableId(container);
    this.#ranWhenLost.delete(id ?? "");
    if (call === "remove") this.#given.add(container.id).add(id ?? "");
  }

  noteLoss(host: DockerHost): void {
    for (const container of host.docker.containers) {
      const id = movableId(container);
      if (id === undefined) continue;
      if (container.state === "running" && this.#isKnownToRun(id, container)) this.#ranWhenLost.set(id, container.id);
      else this.#ranWhenLost.delete(id);
    }
  }

  /** The host's node is removed from the cluster. */
  noteRemoval(host: DockerHost): void {
    for (const { id } of host.docker.containers) this.#brought.add(id);
  }

  see(action: string, container: SimContainer, host: DockerHost): void {
    const id = movableId(container);
    if (id === undefined) {
      const isWanted = this.#bound.has(container.id) && !this.#given.has(container.id);
      if (action === "destroy" && isWanted) this.#deps.violate(`${container.name} was removed`);
      return;
    }
    if (action === "die" || action === "stop") this.#ranWhenLost.delete(id);
    const record = this.#deps.state.objects.get("container", id);
    const counts = record?.place?.containerId === container.id;
    if (action === "destroy" && counts && this.#owned.has(id) && !this.#given.has(id)) {
      this.#deps.violate(`${container.name}, the one that counts, was removed on ${host.name}`);
    }
    if (action !== "start" || host.isLost) return;
    if (record !== undefined && !counts) this.#deps.violate(`${container.name} was started before it counts`);
    for (const twin of this.#copies(id)) {
      const isNews = this.#deps.clock.now() - twin.host.backAt < TWIN_MS;
      if (twin.container === container || twin.container.state !== "running" || isNews) continue;
      this.#deps.violate(`${container.name} was started on ${host.name}, and runs on ${twin.host.name}`);
    }
  }

  /** What is not as it should be, although nothing has happened for long. */
  problems(): readonly string[] {
    const present = this.#deps.hosts.filter(({ isLost }) => !isLost);
    return [
      ...this.#names(present),
      ...present.flatMap(overcommitment),
      ...this.#boundOnes(),
      ...this.#movables(),
      ...this.#recordless(present),
    ];
  }

  #names(hosts: readonly DockerHost[]): readonly string[] {
    const containers = hosts.flatMap((host) => host.docker.containers);
    const all = containers.filter(({ id }) => !this.#brought.has(id)).map(({ name }) => name);
    return [...new Set(all)].flatMap((name) => {
      const count = all.filter((other) => other === name).length;
      return count > 1 ? [`${count} containers are called ${name}`] : [];
    });
  }

  #isKnownToRun(id: string, { id: containerId }: SimContainer): boolean {
    const record = this.#deps.state.objects.get("container", id);
    return record?.place?.containerId === containerId && record.isRunning;
  }

  /** Those that can be reached. */
  #copies(id: string): readonly { readonly container: SimContainer; readonly host: DockerHost }[] {
    return this.#deps.hosts
      .filter(({ isLost }) => !isLost)
      .flatMap((host) => host.docker.containers.map((container) => ({ container, host })))
      .filter(({ container }) => movableId(container) === id);
  }

  #boundOnes(): readonly string[] {
    return [...this.#bound].flatMap(([id, host]) =>
      this.#given.has(id) || host.docker.containers.some((one) => one.id === id)
        ? []
        : [`${id} is gone from ${host.name}`],
    );
  }

  #movables(): readonly string[] {
    return [...this.#deps.state.objects.list("container")].flatMap((record) => {
      const { id, name, place, isRunning } = record;
      const copies = this.#copies(id);
      if (copies.length > 1) return [`${name} is there ${copies.length} times`];
      if (place === undefined) return copies.length > 0 ? [`${name} was removed, and is there`] : [];
      const host = this.#deps.hosts.find(({ nodeId, isLost }) => nodeId === place.nodeId && !isLost);
      if (host === undefined) return this.#unmoved(record);
      const there = host.docker.containers.find((container) => container.id === place.containerId);
      if (there === undefined)
        return this.#given.has(id) || !this.#owned.has(id) ? [] : [`${name} is not on ${host.name}`];
      const ran = this.#ranWhenLost.get(id);
      const mustRun = isRunning || (ran !== undefined && ran !== there.id);
      return mustRun && there.state !== "running" ? [`${name} does not run on ${host.name}`] : [];
    });
  }

  /** One that is on a lost host, and could be elsewhere. While nobody leads, it may be removed, and its name be another's. */
  #unmoved(record: MovableContainer): readonly string[] {
    const others = this.#deps.hosts.flatMap((host) => host.docker.containers);
    if (others.some((other) => other.name === record.name && movableId(other) !== record.id)) return [];
    const body = record.recipe.document as unknown as SimContainer["body"];
    const wanted = demand({ ...body, HostConfig: body.HostConfig ?? {} });
    const only = /"node==(h\d)"/.exec(body.Labels?.["com.docker.swarm.constraints"] ?? "")?.[1];
    const able = this.#deps.hosts.filter((host) => {
      const node = this.#deps.nodeOf(host);
      const used = total(host.docker.containers);
      return (
        !host.isLost &&
        node?.status.state === "ready" &&
        node.spec.Availability === "active" &&
        (only === undefined || only === host.name) &&
        used.nanoCpus + wanted.nanoCpus <= host.nanoCpus &&
        used.memoryBytes + wanted.memoryBytes <= host.memoryBytes &&
        !wanted.ports.some((port) => used.ports.includes(port))
      );
    });
    return able.map((host) => `${record.name} was not moved, and could be on ${host.name}`);
  }

  #recordless(present: readonly DockerHost[]): readonly string[] {
    const containers = present.flatMap((host) => host.docker.containers);
    return containers.flatMap((container) => {
      const id = movableId(container);
      const isKnown = id === undefined || this.#deps.state.objects.get("container", id) !== undefined;
      return isKnown ? [] : [`nothing is written down about ${container.name}`];
    });
  }
}

/** The id that a container keeps when it moves; undefined for one that does not. */
const movableId = ({ body: { Labels = {} } }: SimContainer): string | undefined =>
  policyOf(Labels) === "on-node-failure" ? Labels[SWARM_ID_LABEL] : undefined;

interface Use {
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  readonly ports: readonly string[];
}

const demand = ({ HostConfig = {} }: SimContainer["body"]): Use => ({
  nanoCpus: HostConfig.NanoCpus ?? 0,
  memoryBytes: HostConfig.Memory ?? 0,
  ports: Object.values(HostConfig.PortBindings ?? {}).flatMap((bindings) => bindings.map(({ HostPort }) => HostPort)),
});

const total = (containers: readonly SimContainer[]): Use =>
  containers
    .map(({ body }) => demand(body))
    .reduce(
      (sum, { nanoCpus, memoryBytes, ports }) => ({
        nanoCpus: sum.nanoCpus + nanoCpus,
        memoryBytes: sum.memoryBytes + memoryBytes,
        ports: [...sum.ports, ...ports],
      }),
      { nanoCpus: 0, memoryBytes: 0, ports: [] },
    );

function overcommitment(host: DockerHost): readonly string[] {
  const { nanoCpus, memoryBytes, ports } = total(host.docker.containers);
  return [
    ...(nanoCpus > host.nanoCpus ? [`${host.name} has promised ${nanoCpus / 1e9} CPUs of ${host.nanoCpus / 1e9}`] : []),
    ...(memoryBytes > host.memoryBytes
      ? [`${host.name} has promised ${memoryBytes} bytes of ${host.memoryBytes}`]
      : []),
    ...(new Set(ports).size < ports.length ? [`${host.name} has promised a port twice: ${ports.join()}`] : []),
  ];
}
