import { olderOf } from "#api/api-version.ts";
import type { EngineConnector } from "#api/engine-connector.ts";
import { EngineLink } from "#api/engine-link.ts";
import { clusterOf } from "#api/follow-cluster.ts";
import type { Membership } from "#api/membership.ts";
import type { Clock } from "#base/clock.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";
import type { TunnelTarget } from "#wire/tunnel.ts";
import { nameOfNode } from "./nodes.ts";

interface Deps {
  readonly membership: Pick<Membership, "reach" | "cluster" | "local">;
  /** That of this host. */
  readonly own: EngineLink;
  readonly clock: Clock;
  /** Aborts when the API server stops. */
  readonly life: AbortSignal;
}

/** The engines of a cluster's nodes, and the daemons beside them, as the manager in this daemon reaches them. */
export class ClusterEngines {
  readonly #deps: Deps;
  readonly #links = new Map<string, EngineLink>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** The version that clients are told: what every engine speaks, of those that have said so yet. */
  get apiVersion(): string {
    return [...this.#links.values()].map(({ apiVersion }) => apiVersion).reduce(olderOf, this.#deps.own.apiVersion);
  }

  /** A node's engine itself: streams reach it and come back without a stop. */
  engineOf(nodeId: NodeId): EngineLink {
    return nodeId === this.#deps.membership.local.nodeId ? this.#deps.own : this.#linkTo(nodeId, "engine");
  }

  /** A node's daemon: for calls that concern the cluster's networks too. */
  daemonOf(nodeId: NodeId): EngineLink {
    return this.#linkTo(nodeId, "daemon");
  }

  /** The manager on a node: for what only one of all managers is to decide. */
  managerOf(nodeId: NodeId): EngineLink {
    return this.#linkTo(nodeId, "manager");
  }

  /** Forgets a node that has left. */
  forget(nodeId: NodeId): void {
    for (const target of ["engine", "daemon", "manager"]) this.#links.delete(`${target} ${nodeId}`);
  }

  #linkTo(nodeId: NodeId, target: TunnelTarget): EngineLink {
    const key = `${target} ${nodeId}`;
    const known = this.#links.get(key);
    if (known !== undefined) return known;
    const { clock, life } = this.#deps;
    const link = new EngineLink(this.#connector(nodeId, target), clock, life);
    this.#links.set(key, link);
    return link;
  }

  #connector(nodeId: NodeId, target: TunnelTarget): EngineConnector {
    const { membership } = this.#deps;
    return {
      connect: (signal) => membership.reach(nodeId, target, signal),
      unreachable: (cause) => {
        if (cause instanceof FlotillaError) return cause;
        const view = clusterOf(membership)?.view;
        const name = view === undefined ? nodeId : nameOfNode(view, nodeId);
        const message = `Cannot reach the Docker Engine of node ${name}: ${errorMessage(cause)}`;
        return new FlotillaError("unavailable", message, { cause });
      },
    };
  }
}
