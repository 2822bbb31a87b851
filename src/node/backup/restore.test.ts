import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { KINDS, type StoreObject } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import { createFirstManager, type MemberDeps } from "#node/init.ts";
import { nodePaths } from "#node/paths.ts";
import type { Member } from "#node/saved-member.ts";
import { sealedCodec } from "#store/codec.ts";
import { openReplica } from "#store/replica.ts";
import { openSqliteStore } from "#store/sqlite.ts";
import type { Store } from "#store/store.ts";
import { everyKind, node, service } from "#store/testing/samples.ts";
import { renderUnlockKey } from "#wire/unlock-key.ts";
import { renderArchive } from "./archive.ts";
import { createBackup } from "./create-backup.ts";
import type { Backup, SealedObject } from "./format.ts";
import { readArchive } from "./read-archive.ts";
import { restoreMember } from "./restore.ts";

const { signal } = new AbortController();
const DAY_MS = 24 * 3_600_000;

interface Host extends AsyncDisposable {
  readonly deps: MemberDeps;
}

/** A host with its own data root. */
async function aHost(address: string, nowMs?: number): Promise<Host> {
  const root = await mkdtemp(join(tmpdir(), "flotilla-backup-"));
  const clock = nowMs === undefined ? systemClock : { ...systemClock, now: () => nowMs };
  return {
    deps: {
      clock,
      random: systemRandom,
      log: silentLogger,
      paths: nodePaths(join(root, "data"), join(root, "run")),
      defaultAdvertiseAddr: address,
      defaultAddrPools: [],
      interfaces: () => ({ eth0: [{ address, family: "IPv4", netmask: "", mac: "", internal: false, cidr: null }] }),
      engineSubnets: async () => [],
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  };
}

const openStore = ({ deps }: Host, member: Member): Promise<Store> => {
  assert.ok(member.keys.dataKey);
  return openSqliteStore(deps.paths.store, sealedCodec(member.keys.dataKey));
};

const contents = async (store: Store): Promise<StoreObject[]> =>
  (await Promise.all(KINDS.map((kind) => store.list(kind, signal)))).flat();

interface Made {
  readonly archive: Buffer;
  readonly member: Member;
  readonly objects: readonly StoreObject[];
  readonly revision: number;
}

/** A cluster on `host` with some objects, and a backup of it. */
async function makeBackup(host: Host, autolock = false): Promise<Made> {
  const member = await createFirstManager(
    host.deps,
    { ListenAddr: "0.0.0.0:2377", AutoLockManagers: autolock },
    signal,
  );
  await using store = await openStore(host, member);
  const others = everyKind().filter(({ kind }) => kind !== "cluster" && kind !== "manager" && kind !== "leadership");
  const manager = {
    ...node("other-manager"),
    role: "manager",
    manager: { leader: false, reachability: "reachable", addr: "10.0.0.9:2377" },
  } as const;
  const created = [...others, { ...manager, spec: { ...manager.spec, Role: "manager" as const } }];
  const result = await store.commit(
    created.map((object): Operation => ({ type: "create", object })),
    signal,
  );
  assert.ok(result.ok);
  const state = await openReplica(store, host.deps, signal);
  const backup = await createBackup({ ...host.deps, ...member, product: "1.2.3" }, state.view);
  // What comes later is not in it.
  await store.commit([{ type: "create", object: service("later") }], signal);
  const archive = await buffer(renderArchive(backup));
  const objects = (await contents(store)).filter(({ id }) => id !== "later");
  return { archive, member, objects, revision: backup.manifest.revision };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const opened = (made: Made): Promise<Backup<readonly SealedObject[]>> => readArchive(once(made.archive));

test("another host becomes the only manager, with everything that was there", async () => {
  await using first = await aHost("10.0.0.1");
  await using second = await aHost("10.0.0.2");
  const made = await makeBackup(first);
  const backup = await opened(made);
  assert.deepEqual(backup.manifest, { ...backup.manifest, product: "1.2.3", nodeId: made.member.state.nodeId });
  const member = await restoreMember(second.deps, backup, { ListenAddr: "0.0.0.0:2377" }, signal);

  const { nodeId, clusterId } = made.member.state;
  assert.partialDeepStrictEqual(member.state, {
    nodeId,
    clusterId,
    role: "manager",
    listenAddr: "0.0.0.0:2377",
    advertiseAddr: "10.0.0.2:2377",
    dataPathAddr: "",
    managers: [{ nodeId, addr: "10.0.0.2:2377" }],
  });
  assert.equal(member.identity.current.nodeId, nodeId);
  assert.notEqual(member.identity.current.chain, made.member.identity.current.chain, "it has a new certificate");
  assert.equal(member.identity.current.trustRoot, made.member.identity.current.trustRoot);

  await using store = await openStore(second, member);
  const found = await contents(store);
  const withoutNodes = (objects: readonly StoreObject[]) => objects.filter(({ kind }) => kind !== "node");
  assert.deepEqual(withoutNodes(found), withoutNodes(made.objects), "with their versions");
  const role = async (id: string) => {
    const { role: inForce, spec, manager } = (await store.read("node", id, signal)) ?? assert.fail(`no ${id}`);
    return { inForce, wanted: spec.Role, manager };
  };
  assert.deepEqual(await role("other-manager"), { inForce: "worker", wanted: "worker", manager: undefined });
  assert.deepEqual(await role(nodeId), { inForce: "manager", wanted: "manager", manager: undefined });
  const next = await store.commit([{ type: "create", object: service("next") }], signal);
  assert.ok(next.ok && next.revision > made.revision + 1_000_000, "no version of the lost cluster comes again");
});

test("with autolock it takes the unlock key, and the keys stay sealed", async () => {
  await using first = await aHost("10.0.0.1");
  const made = await makeBackup(first, true);
  const cluster = made.objects.find((object) => object.kind === "cluster");
  const UnlockKey = renderUnlockKey(Buffer.from(cluster?.unlockKey ?? "", "base64"));
  const backup = await opened(made);
  const restoreWith = async (request: { readonly UnlockKey?: string }) => {
    await using second = await aHost("10.0.0.2");
    await restoreMember(second.deps, backup, { ListenAddr: "0.0.0.0:2377", ...request }, signal);
    return readFile(second.deps.paths.managerKeys, "utf8");
  };
  const wrong = renderUnlockKey(new Uint8Array(32));
  await assert.rejects(() => restoreWith({}), { code: "unauthenticated", message: /--unlock-key-file/ });
  await assert.rejects(() => restoreWith({ UnlockKey: wrong }), {
    code: "unauthenticated",
    message: /not its unlock key/,
  });
  await assert.rejects(() => restoreWith({ UnlockKey: "sesame" }), { code: "invalid" });
  assert.match(await restoreWith({ UnlockKey }), /SEALED/);
  assert.ok(!made.archive.includes(Buffer.from(made.member.keys.dataKey ?? []).toString("base64")));
});

test("a node whose certificate has expired since gets another", async () => {
  await using first = await aHost("10.0.0.1");
  const made = await makeBackup(first);
  await using later = await aHost("10.0.0.1", systemClock.now() + 200 * DAY_MS);
  const member = await restoreMember(later.deps, await opened(made), { ListenAddr: "0.0.0.0:2377" }, signal);
  assert.ok(member.identity.current.notAfter > later.deps.clock.now());
});

test("values that were changed, or sealed with another key, are refused", async () => {
  await using first = await aHost("10.0.0.1");
  const backup = await opened(await makeBackup(first));
  await using second = await aHost("10.0.0.2");
  const broken = backup.objects.map((object, index) => {
    const value = Uint8Array.from(object.value);
    if (index === 3) value[20] = (value[20] ?? 0) ^ 1;
    return { ...object, value };
  });
  const exchanged = backup.objects.map((object, index) => (index === 3 ? { ...object, id: "another" } : object));
  for (const objects of [broken, exchanged]) {
    const restored = restoreMember(second.deps, { ...backup, objects }, { ListenAddr: "0.0.0.0:2377" }, signal);
    await assert.rejects(restored, { code: "invalid", message: /damaged/ });
  }
  const headless = backup.objects.filter(({ kind }) => kind !== "cluster");
  await assert.rejects(
    restoreMember(second.deps, { ...backup, objects: headless }, { ListenAddr: "0.0.0.0:2377" }, signal),
    { code: "invalid", message: /incomplete/ },
  );
});
