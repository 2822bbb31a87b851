import type { InitRequest } from "#api/membership.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { newNode } from "#manager/ca/authority.ts";
import { type ClusterRequest, createCluster } from "#manager/ca/cluster-object.ts";
import { createDataKey } from "#manager/ca/key-encryption.ts";
import { signFor } from "#manager/ca/sign.ts";
import { validateClusterSpec } from "#manager/control/cluster.ts";
import { newId } from "#model/ids.ts";
import { firstIngressNetwork } from "#model/ingress.ts";
import type { Cluster, Node } from "#model/objects.ts";
import { sealedCodec } from "#store/codec.ts";
import { openSqliteStore } from "#store/sqlite.ts";
import { CurrentIdentity, parseIdentity } from "#wire/identity.ts";
import { createKeyRequest } from "#wire/node-certificate.ts";
import {
  certifiedAddresses,
  type Interfaces,
  isOwnAddress,
  renderHostPort,
  resolveAdvertiseAddr,
  resolveDataPathAddr,
  resolveListenAddr,
  validateAddressPools,
  validateDataPathPort,
} from "./addresses.ts";
import { KeyRing } from "./key-ring.ts";
import type { NodePaths } from "./paths.ts";
import type { Member } from "./saved-member.ts";
import type { NodeState } from "./state-file.ts";
import { type ForeignStore, openEmptyStore } from "./store/foreign-store.ts";

export interface MemberDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly paths: NodePaths;
  readonly defaultAdvertiseAddr: string;
  readonly defaultAddrPools: readonly string[];
  readonly interfaces: () => Interfaces;
  readonly engineSubnets: (signal: AbortSignal) => Promise<readonly string[]>;
  /** An etcd that users run themselves, when the state of a new cluster is to be there. */
  readonly foreignStore?: ForeignStore;
}

/**
 * Makes a new cluster with this node as its manager: its root, its state, this node's certificate. Everything is on
 * disk when it resolves, but for `state.json`, whose presence makes it so.
 * @throws FlotillaError `invalid` for addresses, pools or a spec that cannot be used.
 */
export async function createFirstManager(deps: MemberDeps, request: InitRequest, signal: AbortSignal): Promise<Member> {
  const { clock, random, paths } = deps;
  const addresses = await resolveAddresses(deps, request, signal);
  const cluster = await createCluster(clusterRequest(deps, request), clock.now(), random);
  validateClusterSpec(cluster.spec);
  const nodeId = newId(random);
  const { key, csr } = await createKeyRequest(certifiedAddresses(addresses.advertiseAddr));
  const subject = { nodeId, role: "manager", clusterId: cluster.id } as const;
  const chain = await signFor(
    { clock, log: deps.log, identity: () => ({ key, chain: "" }) },
    cluster,
    csr,
    subject,
    signal,
  );
  const identity = new CurrentIdentity(parseIdentity({ key, chain, trustRoot: cluster.rootCA.certificate }));
  const unlockKey =
    cluster.unlockKey === undefined ? undefined : new Uint8Array(Buffer.from(cluster.unlockKey, "base64"));
  const keys = new KeyRing(paths, random, createDataKey(random), unlockKey);
  await keys.saveDataKey();
  await keys.saveCredentials(identity.current);
  const availability = request.Availability ?? "active";
  const node = newNode({ id: nodeId, role: "manager", chain, availability, now: clock.now() });
  await storeFirst(deps, keys, cluster, node, signal);
  const managers = [{ nodeId, addr: addresses.advertiseAddr }];
  const state: NodeState = { nodeId, clusterId: cluster.id, role: "manager", ...addresses, managers };
  return { state: deps.foreignStore === undefined ? state : { ...state, store: "foreign etcd" }, identity, keys };
}

/** The addresses of a manager's `state.json`. @throws FlotillaError `invalid` for those that cannot be used. */
export async function resolveAddresses(
  deps: MemberDeps,
  request: Pick<InitRequest, "ListenAddr" | "AdvertiseAddr" | "DataPathAddr">,
  signal: AbortSignal,
) {
  const interfaces = deps.interfaces();
  const listen = resolveListenAddr(request.ListenAddr ?? "", interfaces);
  const advertise = resolveAdvertiseAddr({
    requested: request.AdvertiseAddr ?? "",
    fallback: deps.defaultAdvertiseAddr,
    listen,
    interfaces,
    engineSubnets: await deps.engineSubnets(signal),
  });
  return {
    listenAddr: renderHostPort(listen),
    advertiseAddr: renderHostPort(advertise),
    advertisesOwn: isOwnAddress(advertise.host, interfaces),
    dataPathAddr: resolveDataPathAddr(request.DataPathAddr ?? "", interfaces),
  };
}

function clusterRequest(deps: MemberDeps, request: InitRequest): ClusterRequest {
  const spec = (request.Spec ?? {}) as ClusterRequest["spec"];
  if (spec.Name !== undefined && `${spec.Name}` !== "" && `${spec.Name}` !== "default") {
    throw new FlotillaError("invalid", 'swarm spec must be named "default"');
  }
  const requested = request.DefaultAddrPool ?? [];
  const pools = requested.length > 0 ? requested : deps.defaultAddrPools;
  validateAddressPools(pools, request.SubnetSize ?? 0);
  validateDataPathPort(request.DataPathPort ?? 0);
  return {
    spec,
    autoLock: request.AutoLockManagers ?? false,
    defaultAddrPool: pools,
    subnetSize: request.SubnetSize ?? 0,
    dataPathPort: request.DataPathPort ?? 0,
  };
}

async function storeFirst(
  deps: MemberDeps,
  keys: KeyRing,
  cluster: Cluster,
  node: Node,
  signal: AbortSignal,
): Promise<void> {
  const { paths, random, foreignStore } = deps;
  if (keys.dataKey === undefined) throw new FlotillaError("internal", "a manager's keys are missing");
  await using store =
    foreignStore === undefined
      ? await openSqliteStore(paths.store, sealedCodec(keys.dataKey, random))
      : await openEmptyStore({ ...deps, keys }, foreignStore, signal);
  const result = await store.commit(
    [
      { type: "create", object: cluster },
      { type: "create", object: node },
      { type: "create", object: firstIngressNetwork(newId(random), node.createdAt) },
    ],
    signal,
  );
  if (!result.ok) throw new FlotillaError("internal", `the new cluster was not stored: ${result.conflict.reason}`);
}
