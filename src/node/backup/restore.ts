import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RestoreRequest } from "#api/membership.ts";
import { errorCode, FlotillaError } from "#base/errors.ts";
import { readDataKey } from "#manager/ca/key-encryption.ts";
import { trustRootOf } from "#manager/ca/root.ts";
import { signFor } from "#manager/ca/sign.ts";
import type { Cluster, DurableKind, Node, ObjectOf, Revision } from "#model/objects.ts";
import type { MemberDeps } from "#node/init.ts";
import { resolveAddresses } from "#node/init.ts";
import { KeyRing } from "#node/key-ring.ts";
import type { Member } from "#node/saved-member.ts";
import { sealedCodec } from "#store/codec.ts";
import { importSqliteStore } from "#store/sqlite-import.ts";
import type { Codec } from "#store/store.ts";
import { type Credentials, CurrentIdentity, parseIdentity } from "#wire/identity.ts";
import { readCredentials } from "#wire/identity-files.ts";
import { createKeyRequest } from "#wire/node-certificate.ts";
import { parseUnlockKey } from "#wire/unlock-key.ts";
import { type Backup, FILES, type SealedObject } from "./format.ts";
import { withOnlyManager } from "./only-manager.ts";

/**
 * How far the revision goes up: further than the lost cluster can have come since the backup, so that no version that
 * somebody remembers from then means another state now. Source: etcd's advice for restored snapshots.
 */
const REVISION_LEAP = 1_000_000_000;

type DurableObject = ObjectOf[DurableKind];

/**
 * Makes this node the only manager of the cluster that the backup is of, as the node that wrote it. Everything is on
 * disk when it resolves, but for `state.json`, whose presence makes it so.
 * @throws FlotillaError `invalid` for a damaged backup, or addresses or an unlock key that cannot be used;
 * `unauthenticated` when the backup needs an unlock key, or another one.
 */
export async function restoreMember(
  deps: MemberDeps,
  backup: Backup<readonly SealedObject[]>,
  request: RestoreRequest,
  signal: AbortSignal,
): Promise<Member> {
  const { clock, random, paths } = deps;
  const addresses = await resolveAddresses(deps, request, signal);
  const unlockKey = request.UnlockKey ? parseUnlockKey(request.UnlockKey) : undefined;
  await placeFiles(deps, backup);
  const dataKey = await openDataKey(deps, unlockKey);
  const codec = sealedCodec(dataKey, random);
  const { nodeId, clusterId, revision } = backup.manifest;
  const opened = openObjects(backup.objects, codec);
  const cluster = opened.find((object): object is Cluster => object.kind === "cluster");
  if (cluster?.id !== clusterId || !opened.some((object) => object.kind === "node" && object.id === nodeId)) {
    throw new FlotillaError("invalid", "the backup is incomplete: its cluster or its node is missing");
  }
  const credentials = await certify(deps, cluster, nodeId, unlockKey, signal);
  const now = clock.now();
  const objects = withOnlyManager(opened, nodeId).map(
    (object): DurableObject =>
      object.kind === "node" && object.id === nodeId ? renewed(object, credentials.chain, now) : object,
  );
  importSqliteStore(paths.store, codec, objects, leap(revision));
  const keys = new KeyRing(paths, random, dataKey, clusterUnlockKey(cluster));
  await keys.saveDataKey();
  await keys.saveCredentials(credentials);
  const managers = [{ nodeId, addr: addresses.advertiseAddr }];
  const state = { nodeId, clusterId, role: "manager", ...addresses, managers } as const;
  return { state, identity: new CurrentIdentity(parseIdentity(credentials)), keys };
}

const leap = (revision: Revision): Revision => revision + REVISION_LEAP;

/** Puts the files of keys where a manager has them: they are in the archive as they were there. */
async function placeFiles({ paths }: MemberDeps, backup: Backup): Promise<void> {
  await mkdir(paths.certificates, { recursive: true, mode: 0o700 });
  const files = [
    [paths.managerKeys, backup.dataKey],
    [join(paths.certificates, FILES.nodeKey), backup.nodeKey],
    [join(paths.certificates, FILES.nodeChain), backup.nodeChain],
    [join(paths.certificates, FILES.trustRoot), backup.trustRoot],
  ] as const;
  for (const [path, content] of files) await writeFile(path, content, { mode: 0o600 });
}

async function openDataKey({ paths }: MemberDeps, unlockKey: Uint8Array | undefined): Promise<Uint8Array> {
  const found = await readDataKey(paths.managerKeys, unlockKey).catch((cause: unknown) => {
    if (errorCode(cause) !== "unauthenticated") throw cause;
    throw new FlotillaError("unauthenticated", "the backup cannot be opened: this is not its unlock key", { cause });
  });
  if (found.state === "open") return found.dataKey;
  throw new FlotillaError(
    "unauthenticated",
    "the backup is locked: autolock was on when it was made. Give the unlock key of that day with --unlock-key-file",
  );
}

/** Every value is opened here once, so that a damaged one is found before anything is restored. */
function openObjects(sealed: readonly SealedObject[], codec: Codec): readonly DurableObject[] {
  return sealed.map(({ value, ...address }) => {
    try {
      return codec.decode(value, address) as DurableObject; // no other kinds are read from an archive
    } catch (cause) {
      throw new FlotillaError("invalid", "the backup is damaged: take another copy of it", { cause });
    }
  });
}

/**
 * The node's certificate: a new one, since the old one may have expired. Where only an external CA signs, it wants to
 * see a certificate of the cluster; if it does not answer, the one in the backup has to do.
 */
async function certify(
  { clock, log, paths }: MemberDeps,
  cluster: Cluster,
  nodeId: string,
  unlockKey: Uint8Array | undefined,
  signal: AbortSignal,
): Promise<Credentials> {
  const stored = await readCredentials(paths.certificates, unlockKey).catch(() => undefined);
  const old = stored?.state === "ready" ? stored.credentials : undefined;
  const { key, csr } = await createKeyRequest();
  const identity = () => old ?? { key, chain: "" };
  const subject = { nodeId, role: "manager", clusterId: cluster.id } as const;
  try {
    const chain = await signFor({ clock, log, identity }, cluster, csr, subject, signal);
    return { key, chain, trustRoot: trustRootOf(cluster.rootCA) };
  } catch (err) {
    if (old === undefined || parseIdentity(old).notAfter <= clock.now()) throw err;
    log.warn({ err }, "the cluster's CA does not sign: using the certificate in the backup");
    return old;
  }
}

const renewed = (node: Node, chain: string, now: number): Node => ({
  ...node,
  certificate: { role: "manager", state: "issued", chain },
  updatedAt: now,
});

function clusterUnlockKey({ unlockKey }: Cluster): Uint8Array | undefined {
  return unlockKey === undefined ? undefined : new Uint8Array(Buffer.from(unlockKey, "base64"));
}
