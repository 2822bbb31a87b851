import { type HostPort, renderHostPort } from "#node/addresses.ts";
import { TRANSACTION_ENTRIES } from "#store/etcd/transaction.ts";
import { ROLE_UNIT } from "#wire/node-subject.ts";
import type { StorePeer } from "#wire/protocol.ts";

/** How often a leader of etcd beats, and how long its followers wait for it. The shortest lease comes of the latter. */
const HEARTBEAT_MS = 50;
const ELECTION_MS = 500;
/** Commits after which etcd writes a snapshot: the fewer, the less memory it keeps for members that lag. Default: 100,000. */
const SNAPSHOT_COUNT = 10_000;
/** A commit has at most 100 operations, with a config of 1.4 MB in one of them, and etcd's own limit is 1.5 MB. */
const MAX_REQUEST_BYTES = 10 * 1024 * 1024;
/** The largest database: etcd refuses writes beyond, until it was made smaller. Source: etcd's own advice for the most. */
const QUOTA_BYTES = 8 * 1024 * 1024 * 1024;

/** The file of etcd's API socket, in the directory that it runs in: etcd takes names of this form only. */
export const CLIENT_SOCKET = "client:0";

/** How a member begins that has no data yet; the last is for one that has. */
export type Beginning =
  /** The first and only member. */
  | { readonly type: "alone" }
  /** One more beside those that are there. `members` has all of them, this one too. */
  | { readonly type: "joining"; readonly members: readonly StorePeer[] }
  /** The only member from now on, with the data that it has: for when most members are lost. */
  | { readonly type: "sole survivor" };

export interface EtcdSettings {
  /** The id of the manager's node. */
  readonly name: string;
  readonly clusterId: string;
  readonly dataDir: string;
  /** Where other members' connections are taken. */
  readonly listenPeers: HostPort;
  /** Where other members find this one: `https://host:port`. */
  readonly peerUrl: string;
  /** PEM: certificate and key in one file, so that they change together. */
  readonly certificateFile: string;
  readonly trustFile: string;
}

/** The other members' port is the one after the daemon's own. */
export const peerAddress = ({ host, port }: HostPort): HostPort => ({ host, port: port + 1 });

export const peerUrlOf = (advertised: HostPort): string => `https://${renderHostPort(peerAddress(advertised))}`;

/**
 * The command line of this node's etcd, whenever it is started. Clients come by a socket that only the daemon's user can reach. Peers show
 * certificates of the cluster's managers; those are not bound to the address that a connection comes from.
 */
export function etcdArguments(settings: EtcdSettings): readonly string[] {
  const { name, clusterId, dataDir, listenPeers, peerUrl, certificateFile, trustFile } = settings;
  return [
    `--name=${name}`,
    `--data-dir=${dataDir}`,
    `--listen-client-urls=unix://${CLIENT_SOCKET}`,
    `--advertise-client-urls=unix://${CLIENT_SOCKET}`,
    `--listen-peer-urls=https://${renderHostPort(listenPeers)}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster-token=${clusterId}`,
    `--peer-cert-file=${certificateFile}`,
    `--peer-key-file=${certificateFile}`,
    `--peer-trusted-ca-file=${trustFile}`,
    "--peer-client-cert-auth",
    `--peer-cert-allowed-hostname=${ROLE_UNIT.manager}`,
    "--experimental-peer-skip-client-san-verification",
    `--heartbeat-interval=${HEARTBEAT_MS}`,
    `--election-timeout=${ELECTION_MS}`,
    "--pre-vote",
    // It would refuse every change of the members for 5 s after the last one. Managers look after their majority themselves.
    "--strict-reconfig-check=false",
    `--snapshot-count=${SNAPSHOT_COUNT}`,
    `--max-request-bytes=${MAX_REQUEST_BYTES}`,
    `--max-txn-ops=${TRANSACTION_ENTRIES}`,
    `--quota-backend-bytes=${QUOTA_BYTES}`,
    "--logger=zap",
    "--log-outputs=stderr",
    "--log-level=warn",
  ];
}

/** What is added to it at the first start, and to start over with what is left. */
export function beginningArguments({ name, peerUrl }: EtcdSettings, beginning: Beginning): readonly string[] {
  if (beginning.type === "sole survivor") return ["--force-new-cluster"];
  const own: StorePeer = { name, peerUrls: [peerUrl] };
  const members = beginning.type === "alone" ? [own] : beginning.members.map((peer) => (isOwn(peer, own) ? own : peer));
  const urls = members.flatMap((member) => member.peerUrls.map((url) => `${member.name || url}=${url}`));
  return [
    `--initial-cluster=${urls.join(",")}`,
    `--initial-cluster-state=${beginning.type === "alone" ? "new" : "existing"}`,
  ];
}

/** A member that was never started has no name yet. */
const isOwn = (peer: StorePeer, own: StorePeer): boolean =>
  peer.name === own.name || (peer.name === "" && peer.peerUrls.some((url) => own.peerUrls.includes(url)));
