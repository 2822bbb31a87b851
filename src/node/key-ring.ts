import { rm } from "node:fs/promises";
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
  #dataKey: Uint8Array | undefined;
  #unlockKey: Uint8Array | undefined;
  /** Whether the disk has the store's key. */
  #isSaved: boolean;

  constructor(paths: NodePaths, random: Random, dataKey: Uint8Array | undefined, unlockKey: Uint8Array | undefined) {
    this.#paths = paths;
    this.#random = random;
    this.#dataKey = dataKey;
    this.#unlockKey = unlockKey;
    this.#isSaved = dataKey !== undefined;
  }

  /** The store's key; undefined on workers, and on managers that have not heard it yet. */
  get dataKey(): Uint8Array | undefined {
    return this.#dataKey;
  }

  /** Stores a new identity under the present protection. */
  async saveCredentials(credentials: Credentials): Promise<void> {
    await writeCredentials(this.#paths.certificates, credentials, this.#protection);
  }

  async saveDataKey(): Promise<void> {
    if (this.#dataKey === undefined) return;
    await writeDataKey(this.#paths.managerKeys, this.#dataKey, this.#protection);
    this.#isSaved = true;
  }

  /** Takes the store's key from another manager. The disk gets it when it is known what it is to be sealed under. */
  learnDataKey(dataKey: Uint8Array): void {
    this.#dataKey = dataKey;
    this.#isSaved = false;
  }

  /** Leaves on the disk what a worker has: its identity, in the clear, as nobody would unlock it. */
  async forgetManager(identity: CurrentIdentity): Promise<void> {
    this.#dataKey = undefined;
    await rm(this.#paths.managerKeys, { force: true });
    if (this.#unlockKey === undefined) return;
    this.#unlockKey = undefined;
    await this.saveCredentials(identity.current);
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
    if (wanted === present && this.#isSaved) return;
    this.#unlockKey = wanted === undefined ? undefined : new Uint8Array(Buffer.from(wanted, "base64"));
    await this.saveDataKey();
    await this.saveCredentials(identity.current);
  }

  get #protection() {
    return { unlockKey: this.#unlockKey, random: this.#random };
  }
}
