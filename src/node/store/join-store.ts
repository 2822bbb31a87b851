import { FlotillaError } from "#base/errors.ts";
import type { Beginning } from "#node/etcd/arguments.ts";
import { peerUrlOf } from "#node/etcd/arguments.ts";
import { hasEtcdData } from "#node/etcd/member.ts";
import { otherManagers } from "#node/state-file.ts";
import { connectPeer } from "#wire/peer-client.ts";
import type { PeerConnection } from "#wire/protocol.ts";
import type { ManagerStoreDeps } from "./manager-store.ts";

/** Between questions whether this manager's member has caught up. */
const ASK_AGAIN_MS = 100;

/**
 * Asks the other managers to take this one in, and learns the store's key from them.
 * @returns how this manager's etcd begins; undefined when it has its data already.
 * @throws FlotillaError `unavailable` when none of them can now.
 */
export async function joinStore(
  deps: ManagerStoreDeps,
  signal: AbortSignal,
): Promise<Beginning | "foreign etcd" | undefined> {
  const { paths, state, keys, advertise } = deps;
  const isMember = state.current.store === "etcd" && hasEtcdData(paths);
  const peerUrl = peerUrlOf(advertise);
  const joined = await askManagers(deps, signal, (peer) => peer.joinStore({ peerUrl }, signal));
  keys.learnDataKey(new Uint8Array(Buffer.from(joined.dataKey, "base64")));
  if (joined.members.length === 0) return "foreign etcd";
  return isMember ? undefined : { type: "joining", members: joined.members };
}

/** Waits until this manager's member has its vote: until then it answers nothing. */
export async function untilVoter(deps: ManagerStoreDeps, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await askManagers(deps, signal, (peer) => peer.memberReady(signal));
    } catch (err) {
      signal.throwIfAborted();
      deps.log.debug({ err }, "no vote yet");
      await deps.clock.sleep(ASK_AGAIN_MS, signal);
    }
  }
}

/** Asks one manager after the other until one answers. */
async function askManagers<T>(
  { identity, clock, state, log }: ManagerStoreDeps,
  signal: AbortSignal,
  ask: (peer: PeerConnection) => Promise<T>,
): Promise<T> {
  let last: unknown = new FlotillaError("unavailable", "no other manager of the cluster is known");
  for (const addr of otherManagers(state.current)) {
    try {
      await using peer = connectPeer({ addr, identity: identity.current, clock });
      return await ask(peer);
    } catch (err) {
      signal.throwIfAborted();
      log.debug({ err, addr }, "a manager did not take this one in");
      last = err;
    }
  }
  throw last;
}
