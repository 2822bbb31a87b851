import { invariant } from "#base/errors.ts";
import { engineIdsOf } from "#model/movable-container.ts";
import type {
  Cluster,
  Kind,
  MovableContainer,
  Node,
  ObjectOf,
  Revision,
  Service,
  StoreObject,
  Task,
} from "#model/objects.ts";
import type { Change, View } from "#model/view.ts";
import { creation, objectAfter, objectBefore } from "./change.ts";
import { CreationOrder } from "./creation-order.ts";
import { Grouping } from "./grouping.ts";
import { ObjectTable } from "./object-table.ts";
import type { Commit } from "./store.ts";
import { TaskIndex } from "./task-index.ts";
import { foldName } from "./unique-name.ts";

/**
 * The state of the cluster in memory, indexed, and moved forward by `apply`.
 *
 * - It holds the stored objects themselves.
 * - A commit costs time in proportion to its changes, whatever the size of the cluster.
 * - What its methods return is live: it shows later commits. Use it up before the next `await`.
 */
export class Cache implements View {
  readonly #objects = new ObjectTable();
  readonly #tasks = new TaskIndex(this.#objects);
  readonly #nodeOrder = new CreationOrder();
  readonly #nodesByHostname = new Grouping(this.#nodeOrder, hostnames);
  readonly #nodesByNetwork = new Grouping(this.#nodeOrder, attachmentsOf);
  readonly #containerOrder = new CreationOrder();
  readonly #containersByEngineId = new Grouping(this.#containerOrder, engineIdsOf);
  readonly #serviceOrder = new CreationOrder();
  readonly #users = {
    secret: new Grouping(this.#serviceOrder, secretsOf),
    config: new Grouping(this.#serviceOrder, configsOf),
    network: new Grouping(this.#serviceOrder, networksOf),
  };
  #revision: Revision;

  constructor(revision: Revision = 0, snapshot: Iterable<StoreObject> = []) {
    this.#revision = revision;
    for (const object of snapshot) this.#apply(creation(object));
  }

  get revision(): Revision {
    return this.#revision;
  }

  get cluster(): Cluster | undefined {
    const [cluster] = this.#objects.list("cluster");
    return cluster;
  }

  /** Commits must be applied in order; each one's changes must start from what the cache has. */
  apply(commit: Commit): void {
    invariant(commit.revision >= this.#revision, `commit ${commit.revision} came after ${this.#revision}`);
    for (const change of commit.changes) this.#apply(change);
    this.#revision = commit.revision;
  }

  get<K extends Kind>(kind: K, id: string): ObjectOf[K] | undefined {
    return this.#objects.get(kind, id);
  }

  list<K extends Kind>(kind: K): Iterable<ObjectOf[K]> {
    return this.#objects.list(kind);
  }

  count(kind: Kind): number {
    return this.#objects.count(kind);
  }

  byName<K extends "service" | "secret" | "config" | "network">(kind: K, name: string): ObjectOf[K] | undefined {
    const id = this.#objects.holder(kind, foldName(name));
    return id === undefined ? undefined : this.#objects.get(kind, id);
  }

  nodesByHostname(hostname: string): readonly Node[] {
    return [...this.#resolve("node", this.#nodesByHostname.ids(foldName(hostname)))];
  }

  tasksOfService(id: string): Iterable<Task> {
    return this.#resolve("task", this.#tasks.ofService(id));
  }

  tasksOfSlot(id: string, slot: string): Iterable<Task> {
    return this.#resolve("task", this.#tasks.ofSlot(id, slot));
  }

  tasksOfNode(id: string): Iterable<Task> {
    return this.#resolve("task", this.#tasks.ofNode(id));
  }

  tasksWithoutService(): Iterable<Task> {
    return this.#resolve("task", this.#tasks.withoutService());
  }

  servicesUsing(kind: "secret" | "config" | "network", id: string): Iterable<Service> {
    return this.#resolve("service", this.#users[kind].ids(id));
  }

  tasksOfNetwork(id: string): Iterable<Task> {
    return this.#resolve("task", this.#tasks.ofNetwork(id));
  }

  nodesOfNetwork(id: string): Iterable<Node> {
    return this.#resolve("node", this.#nodesByNetwork.ids(id));
  }

  movableOf(engineId: string): MovableContainer | undefined {
    const [container] = this.#resolve("container", this.#containersByEngineId.ids(engineId));
    return container;
  }

  #resolve<K extends Kind>(kind: K, ids: Iterable<string>): Iterable<ObjectOf[K]> {
    const objects = this.#objects;
    return {
      *[Symbol.iterator]() {
        for (const id of ids) {
          const object = objects.get(kind, id);
          if (object) yield object;
        }
      },
    };
  }

  #apply(change: Change): void {
    this.#objects.apply(change);
    if (change.kind === "task") this.#tasks.taskChanged(change);
    else if (change.kind === "service") this.#serviceChanged(change);
    else if (change.kind === "node") this.#nodeChanged(change);
    else if (change.kind === "container") this.#containerChanged(change);
  }

  #serviceChanged(change: Change<"service">): void {
    this.#tasks.serviceChanged(change);
    if (change.type === "create") this.#serviceOrder.add(change.object.id);
    this.#users.secret.change(objectBefore(change), objectAfter(change));
    this.#users.config.change(objectBefore(change), objectAfter(change));
    this.#users.network.change(objectBefore(change), objectAfter(change));
    if (change.type === "delete") this.#serviceOrder.remove(change.old.id);
  }

  #nodeChanged(change: Change<"node">): void {
    if (change.type === "create") this.#nodeOrder.add(change.object.id);
    this.#nodesByHostname.change(objectBefore(change), objectAfter(change));
    this.#nodesByNetwork.change(objectBefore(change), objectAfter(change));
    if (change.type === "delete") this.#nodeOrder.remove(change.old.id);
  }

  #containerChanged(change: Change<"container">): void {
    if (change.type === "create") this.#containerOrder.add(change.object.id);
    this.#containersByEngineId.change(objectBefore(change), objectAfter(change));
    if (change.type === "delete") this.#containerOrder.remove(change.old.id);
  }
}

const hostnames = (node: Node): string[] => (node.description ? [foldName(node.description.Hostname)] : []);

const attachmentsOf = (node: Node): string[] => Object.keys(node.attachments ?? {});

/** Each once: a service may mount a secret at two places. */
const secretsOf = (service: Service): string[] => [
  ...new Set(service.spec.TaskTemplate.ContainerSpec?.Secrets?.map((reference) => reference.SecretID)),
];

const configsOf = (service: Service): string[] => [
  ...new Set(service.spec.TaskTemplate.ContainerSpec?.Configs?.map((reference) => reference.ConfigID)),
];

const networksOf = (service: Service): string[] => [
  ...new Set(service.spec.TaskTemplate.Networks?.flatMap(({ Target }) => Target ?? [])),
];
