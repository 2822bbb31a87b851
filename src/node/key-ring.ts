import type { Random } from "#base/random.ts";
import { writeDataKey } from "#manager/ca/key-encryption.ts";
import type { ClusterState } from "#manager/state.ts";
import type { Cluster } from "#model/objects.ts";
import type { Credentials, CurrentIdentity } from "#wire/identity.ts";
import { writeCredentials } from "#wire/identity-files.ts";
import type { NodePaths } from "./paths.ts";

/**
 * The keys on a manager's disk, and what they are sealed under: nothing, or the unlock key while autolock is on. The
 * cluster object says which; when it changes, both files are written anew.
 */
export class KeyRing {
  readonly #paths: NodePaths;
  readonly #random: Random;
  /** The store's key; undefined on workers. */
  readonly dataKey: Uint8Array | undefined;
  #unlockKey: Uint8Array | undefined;

  constructor(paths: NodePaths, random: Random, dataKey: Uint8Array | undefined, unlockKey: Uint8Array | undefined) {
    this.#paths = paths;
    this.#random = random;
    this.dataKey = dataKey;
    this.#unlockKey = unlockKey;
  }

  /** Stores a new identity under the present protection. */
  async saveCredentials(credentials: Credentials): Promise<void> {
    await writeCredentials(this.#paths.certificates, credentials, this.#protection);
  }

  async saveDataKey(): Promise<void> {
    if (this.dataKey !== undefined) await writeDataKey(this.#paths.managerKeys, this.dataKey, this.#protection);
  }

  /** Follows the cluster's unlock key until `signal` aborts. */
  async follow(state: ClusterState, identity: CurrentIdentity, signal: AbortSignal): Promise<void> {
    const commits = state.commits(signal);
    await this.#protect(state.view.cluster, identity);
    for await (const commit of commits) {
      const change = commit.changes.find((candidate) => candidate.kind === "cluster");
      if (change !== undefined) await this.#protect(state.view.cluster, identity);
    }
  }

  async #protect(cluster: Cluster | undefined, identity: CurrentIdentity): Promise<void> {
    if (cluster === undefined) return;
    const wanted = cluster.unlockKey;
    const present = this.#unlockKey === undefined ? undefined : Buffer.from(this.#unlockKey).toString("base64");
    if (wanted === present) return;
    this.#unlockKey = wanted === undefined ? undefined : new Uint8Array(Buffer.from(wanted, "base64"));
    await this.saveDataKey();
    await this.saveCredentials(identity.current);
  }

  get #protection() {
    return { unlockKey: this.#unlockKey, random: this.#random };
  }
}
