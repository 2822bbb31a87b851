import { type EtcdStoreOptions, openEtcdStore } from "#store/etcd/store.ts";
import type { AdoptingStore, Codec } from "#store/store.ts";
import { type Database, never } from "#store/testing/driver.ts";
import type { EtcdServer } from "./etcd-server.ts";

let databases = 0;

export interface EtcdDatabase extends Database {
  /** @param options may name another way to the same etcd. */
  open(options?: Partial<EtcdStoreOptions>): Promise<AdoptingStore>;
}

/** An empty store in a part of a running etcd that no other test uses. */
export async function createEtcdDatabase(server: EtcdServer, codec: Codec): Promise<EtcdDatabase> {
  const prefix = `/test-${++databases}/`;
  return {
    open: (options) => openEtcdStore({ endpoint: server.endpoint, codec, prefix, ...options }, never),
    [Symbol.asyncDispose]: async () => undefined,
  };
}
