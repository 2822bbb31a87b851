import type { JoinRequest } from "#api/membership.ts";
import { FlotillaError } from "#base/errors.ts";
import { CLUSTER_PORT } from "#model/defaults.ts";
import { fetchRootCertificate, requestCertificate } from "#wire/bootstrap.ts";
import { CurrentIdentity, parseIdentity } from "#wire/identity.ts";
import { createKeyRequest } from "#wire/node-certificate.ts";
import {
  certifiedAddresses,
  hostOf,
  isOwnAddress,
  parseHostPort,
  renderHostPort,
  resolveAdvertiseAddr,
  resolveDataPathAddr,
  resolveListenAddr,
} from "./addresses.ts";
import type { MemberDeps } from "./init.ts";
import { KeyRing } from "./key-ring.ts";
import type { Member } from "./saved-member.ts";
import type { NodeState } from "./state-file.ts";

/**
 * Gets this node a certificate of the cluster that the request names. Everything is on disk when it resolves, but for
 * `state.json`, whose presence makes it so.
 * @throws FlotillaError `invalid` for a bad address or token, `unavailable` when the manager does not answer.
 */
export async function joinCluster(deps: MemberDeps, request: JoinRequest, signal: AbortSignal): Promise<Member> {
  const { clock, random, paths } = deps;
  const [remote] = request.RemoteAddrs ?? [];
  if (!remote) throw new FlotillaError("invalid", "at least 1 RemoteAddr is required to join");
  const target = parseHostPort(remote, CLUSTER_PORT);
  if (target === undefined) throw new FlotillaError("invalid", `bad remote address ${remote}: expected HOST[:PORT]`);
  const addresses = await resolveAddresses(deps, request, signal);
  const manager = { addr: renderHostPort(target), clock };
  const token = request.JoinToken ?? "";
  const root = await fetchRootCertificate(manager, token, signal);
  const { key, csr } = await createKeyRequest(certifiedAddresses(addresses.advertiseAddr));
  const availability = request.Availability ?? "active";
  const issued = await requestCertificate(manager, root, { csr, token, availability }, signal);
  const { nodeId, clusterId, role, chain, trustRoot } = issued;
  const identity = new CurrentIdentity(parseIdentity({ key, chain, trustRoot }));
  const keys = new KeyRing(paths, random, undefined, undefined);
  await keys.saveCredentials(identity.current);
  const managers = [{ nodeId: "", addr: manager.addr }];
  const state: NodeState = { nodeId, clusterId, role, ...addresses, managers };
  return { state, identity, keys };
}

/** Only managers need an address that others can reach: where none can be told, a worker does without. */
async function resolveAddresses(deps: MemberDeps, request: JoinRequest, signal: AbortSignal) {
  const interfaces = deps.interfaces();
  const listen = resolveListenAddr(request.ListenAddr || `0.0.0.0:${CLUSTER_PORT}`, interfaces);
  const options = { requested: request.AdvertiseAddr ?? "", fallback: deps.defaultAdvertiseAddr, listen, interfaces };
  const advertise = await deps
    .engineSubnets(signal)
    .then((engineSubnets) => renderHostPort(resolveAdvertiseAddr({ ...options, engineSubnets })))
    .catch((err: unknown) => {
      if (options.requested !== "") throw err;
      return "";
    });
  return {
    listenAddr: renderHostPort(listen),
    advertiseAddr: advertise,
    advertisesOwn: isOwnAddress(hostOf(advertise), interfaces),
    dataPathAddr: resolveDataPathAddr(request.DataPathAddr ?? "", interfaces),
  };
}
