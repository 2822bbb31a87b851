import { FlotillaError } from "#base/errors.ts";
import type { LeaseCalls } from "#store/held-lease.ts";
import type { EtcdClient } from "./client.ts";

/** etcd's leases, whose time is in whole seconds. */
export function leaseCalls(client: EtcdClient): LeaseCalls {
  return {
    async grant(ttlMs, signal) {
      const TTL = BigInt(Math.ceil(ttlMs / 1_000));
      const { ID } = await client.call({ what: "asking for a lease" }, signal, (member, options) =>
        member.lease.leaseGrant({ TTL }, options),
      );
      return String(ID);
    },
    async renew(id, signal) {
      for await (const { TTL } of client.stream(signal, (member, options) =>
        member.lease.leaseKeepAlive(once({ ID: BigInt(id) }), options),
      )) {
        if (TTL > 0n) return;
        throw new FlotillaError("not_found", "etcd has ended the lease");
      }
      throw new FlotillaError("unavailable", "etcd did not answer the renewal of a lease");
    },
    async revoke(id, signal) {
      await client.call({ what: "giving a lease back" }, signal, (member, options) =>
        member.lease.leaseRevoke({ ID: BigInt(id) }, options),
      );
    },
  };
}

async function* once<T>(request: T): AsyncGenerator<T> {
  yield request;
}
