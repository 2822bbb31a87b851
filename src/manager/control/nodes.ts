import { withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { commitFresh } from "#manager/commit.ts";
import type { Control } from "#manager/control.ts";
import type { ClusterState } from "#manager/state.ts";
import { NODE_CERT_EXPIRY_MS, nsToMs } from "#model/defaults.ts";
import type { Cluster, Node } from "#model/objects.ts";
import type { View } from "#model/view.ts";
import { hasMajority, quorumWithout } from "#plan/managers.ts";
import { parseBundle } from "#wire/pem.ts";
import { checkSequence } from "./sequence.ts";

interface Deps {
  readonly state: ClusterState;
  readonly clock: Clock;
}

type NodeControl = Pick<Control, "updateNode" | "removeNode" | "tagsMissed" | "tagsCaught">;

/** Nodes: labels, availability, role, removal, and what they know of images. */
export function createNodeControl({ state, clock }: Deps): NodeControl {
  const { view } = state;

  const find = (id: string): Node => {
    const node = view.get("node", id);
    if (node === undefined) throw new FlotillaError("not_found", `node ${id} not found`);
    return node;
  };

  return {
    async updateNode(id, version, spec, signal) {
      const build = () => {
        const node = find(id);
        if (node.spec.Role === "manager" && spec.Role === "worker") checkDemotion(view, node);
        checkSequence(node, version);
        const object = { ...node, spec, specVersion: node.version, updatedAt: clock.now() };
        return [{ type: "update" as const, object, expect: node.version }];
      };
      await commitFresh(state, build, signal);
    },

    async removeNode(id, force, signal) {
      await demoted({ state, clock }, id, signal);
      const build = () => {
        const node = find(id);
        checkRemoval(node, force);
        const cluster = view.cluster;
        if (cluster === undefined) throw new FlotillaError("internal", "there is no cluster object");
        const object = withRemovedNode(cluster, node, clock.now());
        return [
          { type: "update" as const, object, expect: cluster.version },
          { type: "delete" as const, kind: "node" as const, id, expect: node.version },
        ];
      };
      await commitFresh(state, build, signal);
    },

    async tagsMissed(nodeIds, signal) {
      const build = () =>
        nodeIds.flatMap((id) => {
          const node = view.get("node", id);
          if (node === undefined) return [];
          const object = { ...node, missedTagsAt: Math.max(clock.now(), (node.missedTagsAt ?? 0) + 1) };
          return [{ type: "update" as const, object, expect: node.version }];
        });
      await commitFresh(state, build, signal);
    },

    async tagsCaught(nodeId, since, signal) {
      const build = () => {
        const node = view.get("node", nodeId);
        if (node?.missedTagsAt !== since) return [];
        const { missedTagsAt: _caught, ...object } = node;
        return [{ type: "update" as const, object, expect: node.version }];
      };
      await commitFresh(state, build, signal);
    },
  };
}

/** How long a removal waits for the demotion before it. */
const DEMOTION_MS = 10_000;

/**
 * Waits until a node that is being demoted is no manager any more, which takes some moments: who demotes and removes it in
 * one go means both. One that remains a manager is refused as others are.
 */
async function demoted({ state, clock }: Deps, id: string, signal: AbortSignal): Promise<void> {
  const isUnderWay = () => {
    const node = state.view.get("node", id);
    return node?.manager !== undefined && node.spec.Role === "worker";
  };
  if (!isUnderWay()) return;
  const wait = async (stop: AbortSignal) => {
    const commits = state.commits(stop);
    if (isUnderWay()) for await (const _ of commits) if (!isUnderWay()) return;
  };
  await withDeadline(clock, DEMOTION_MS, "the demotion", signal, wait).catch(() => signal.throwIfAborted());
}

/** In Docker's order, and before the version is compared. Source: swarmkit manager/controlapi/node.go. */
function checkDemotion(view: View, { id, manager }: Node): void {
  const others = [...view.list("node")].filter((other) => other.spec.Role === "manager" && other.id !== id);
  if (others.length === 0) {
    throw new FlotillaError("precondition", "attempting to demote the last manager of the swarm");
  }
  if (manager === undefined) throw new FlotillaError("not_found", "can't find manager in raft memberlist");
  if (!hasMajority(quorumWithout(view, id))) {
    throw new FlotillaError("precondition", "can't remove member from the raft: this would result in a loss of quorum");
  }
}

function checkRemoval(node: Node, force: boolean): void {
  if (node.manager !== undefined) {
    throw new FlotillaError(
      "precondition",
      `node ${node.id} is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal`,
    );
  }
  if (!force && node.status.state === "ready") {
    throw new FlotillaError("precondition", `node ${node.id} is not down and can't be removed`);
  }
}

/** How long a removed node stays locked out after its certificate has expired. Source: fact sheet 13. */
const LOCKOUT_GRACE_MS = 7 * 24 * 3_600_000;

/** The cluster with the node's certificate locked out for as long as it could be valid; what has expired is dropped. */
function withRemovedNode(cluster: Cluster, node: Node, now: number): Cluster {
  const valid = Object.entries(cluster.removedNodes).filter(([, end]) => end > now);
  const until = certificateEnd(cluster, node, now) + LOCKOUT_GRACE_MS;
  return { ...cluster, removedNodes: Object.fromEntries([...valid, [node.id, until]]), updatedAt: now };
}

function certificateEnd(cluster: Cluster, node: Node, now: number): number {
  const { chain } = node.certificate;
  if (chain !== undefined) return parseBundle(chain)[0].validToDate.getTime();
  const expiry = cluster.spec.CAConfig.NodeCertExpiry;
  return now + (expiry ? nsToMs(expiry) : NODE_CERT_EXPIRY_MS);
}
