import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { readDataKey } from "#manager/ca/key-encryption.ts";
import { CurrentIdentity, parseIdentity } from "#wire/identity.ts";
import { readCredentials } from "#wire/identity-files.ts";
import * as errors from "./errors.ts";
import { KeyRing } from "./key-ring.ts";
import type { NodePaths } from "./paths.ts";
import type { NodeState, StateFile } from "./state-file.ts";

/** A membership with all that is needed to take part. */
export interface Member {
  readonly state: NodeState;
  readonly identity: CurrentIdentity;
  readonly keys: KeyRing;
}

/** What a data root says of this daemon's membership. */
export type FoundMember =
  | { readonly phase: "none" }
  | { readonly phase: "locked"; readonly state: NodeState }
  | { readonly phase: "error"; readonly state: NodeState; readonly message: string }
  | ({ readonly phase: "member" } & Member);

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly paths: NodePaths;
  readonly stateFile: StateFile;
}

/**
 * Reads the membership.
 * @throws FlotillaError `unauthenticated` for a wrong unlock key, `internal` for files that cannot be read.
 */
export async function findMember(deps: Deps, unlockKey: Uint8Array | undefined): Promise<FoundMember> {
  const { paths, random, clock } = deps;
  const state = deps.stateFile.read();
  if (state === undefined) return { phase: "none" };
  const stored = await readCredentials(paths.certificates, unlockKey);
  if (stored.state === "locked") return { phase: "locked", state };
  if (stored.state === "none")
    return { phase: "error", state, message: "the node's certificate is missing: leave the swarm and join again" };
  const key = await readDataKey(paths.managerKeys, unlockKey);
  if (key.state === "locked") return { phase: "locked", state };
  const identity = new CurrentIdentity(parseIdentity(stored.credentials));
  if (identity.current.notAfter <= clock.now()) {
    return { phase: "error", state, message: errors.certificatesExpired().message };
  }
  const keys = new KeyRing(paths, random, key.state === "open" ? key.dataKey : undefined, unlockKey);
  return { phase: "member", state, identity, keys };
}
