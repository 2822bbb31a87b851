import type { Random } from "#base/random.ts";
import type { Loop } from "#manager/loop.ts";
import type { Cluster, Node, RootCA, RootRotation } from "#model/objects.ts";
import type { Operation, Plan, PlanContext } from "#model/operation.ts";
import type { View } from "#model/view.ts";
import type { IssuerInfo } from "#wire/issuer-info.ts";
import { createJoinToken } from "#wire/join-token.ts";
import { wantedIssuer } from "./root.ts";

/** Nodes asked to renew in one round, and the time between rounds. Source: fact sheet 7.4. */
export const ROTATION_BATCH = 30;
export const ROTATION_ROUND_MS = 3_000;

/** A node that has been given its new certificate is asked again if it does not show it within this time. */
const SHOW_WITHIN_MS = 60_000;

const KEY = "root";

/**
 * Takes a rotation of the root to its end: asks nodes to renew, a few at a time; when each of them shows a certificate of
 * the new root, makes it the cluster's root, with new join tokens. A node that is down holds the rotation open.
 */
export const createRotationLoop = (random: Random): Loop => ({
  name: "root rotation",
  startKeys: () => [KEY],
  *touched(change, view) {
    if (change.kind === "cluster") yield KEY;
    // In a cluster that is asked in one round, there is no rate to keep: see each answer at once.
    const isSmall = view.count("node") <= ROTATION_BATCH;
    if (change.kind === "node" && isSmall && view.cluster?.rootCA.rotation !== undefined) yield KEY;
  },
  plan: (view, _key, context) => planRotation(view, context, random),
});

/** One round of a rotation. */
export function planRotation(view: View, { now }: Pick<PlanContext, "now">, random: Random): Plan {
  const { cluster } = view;
  if (cluster?.rootCA.rotation === undefined) return { operations: [] };
  const issuer = wantedIssuer(cluster.rootCA);
  const operations: Operation[] = [];
  let isDone = true;
  for (const node of view.list("node")) {
    if (hasIssuer(node, issuer)) continue;
    isDone = false;
    if (operations.length === ROTATION_BATCH) break;
    if (isAsked(node, cluster.rootCA.rotation, now)) continue;
    const object: Node = { ...node, certificate: { ...node.certificate, state: "rotate" }, updatedAt: now };
    operations.push({ type: "update", object, expect: node.version });
  }
  return isDone ? { operations: [finish(cluster, random, now)] } : { operations, again: now + ROTATION_ROUND_MS };
}

/** Whether the node is about to renew, or has just done so and will soon say it. */
function isAsked({ certificate, updatedAt }: Node, { crossSigned }: RootRotation, now: number): boolean {
  if (certificate.state !== "issued" && certificate.state !== "failed") return true;
  const isRenewed = certificate.chain?.includes(crossSigned) ?? false;
  return isRenewed && now < updatedAt + SHOW_WITHIN_MS;
}

const hasIssuer = ({ description }: Node, issuer: IssuerInfo): boolean =>
  description?.TLSInfo?.CertIssuerPublicKey === issuer.CertIssuerPublicKey &&
  description.TLSInfo.CertIssuerSubject === issuer.CertIssuerSubject;

function finish(cluster: Cluster, random: Random, now: number): Operation {
  const { certificate, key } = cluster.rootCA.rotation ?? cluster.rootCA;
  const { lastForcedRotation } = cluster.rootCA;
  const rootCA: RootCA = { certificate, ...(key === undefined ? {} : { key }), lastForcedRotation };
  const joinTokens = { worker: createJoinToken(certificate, random), manager: createJoinToken(certificate, random) };
  const object: Cluster = { ...cluster, rootCA, joinTokens, updatedAt: now };
  return { type: "update", object, expect: cluster.version };
}
