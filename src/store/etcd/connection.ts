import { connect } from "node:net";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { invariant } from "#base/errors.ts";
import type { EtcdEndpoint } from "./endpoint.ts";
import { Cluster, KV, Lease, Maintenance, Watch } from "./generated/etcdserverpb/rpc_pb.ts";

/** etcd ends connections that are pinged more often than this. Source: etcd's --grpc-keepalive-min-time. */
const PING_INTERVAL_MS = 6_000;
const PING_TIMEOUT_MS = 4_000;

/** The services of one member. */
export interface Member {
  readonly kv: Client<typeof KV>;
  readonly watch: Client<typeof Watch>;
  readonly lease: Client<typeof Lease>;
  readonly cluster: Client<typeof Cluster>;
  readonly maintenance: Client<typeof Maintenance>;
  /** Gives up the connection; the next call makes another. */
  disconnect(): void;
}

/** The members that an endpoint names; nothing is connected before the first call. */
export function membersOf(endpoint: EtcdEndpoint): readonly Member[] {
  if ("socket" in endpoint) {
    const { socket } = endpoint;
    return [openMember(new Http2SessionManager("http://localhost", {}, { createConnection: () => connect(socket) }))];
  }
  invariant(endpoint.addresses.length > 0, "an endpoint of etcd has an address");
  const { addresses, tls } = endpoint;
  const pings = { pingIntervalMs: PING_INTERVAL_MS, pingTimeoutMs: PING_TIMEOUT_MS };
  return addresses.map((address) => {
    const url = `${tls ? "https" : "http"}://${address}`;
    return openMember(new Http2SessionManager(url, pings, { ...tls }));
  });
}

function openMember(sessionManager: Http2SessionManager): Member {
  const transport = createGrpcTransport({ baseUrl: sessionManager.authority, sessionManager, acceptCompression: [] });
  return {
    kv: createClient(KV, transport),
    watch: createClient(Watch, transport),
    lease: createClient(Lease, transport),
    cluster: createClient(Cluster, transport),
    maintenance: createClient(Maintenance, transport),
    disconnect: () => sessionManager.abort(),
  };
}
