/**
 * What the store costs: commits of the SQLite driver against bare transactions of `node:sqlite` on the same disk, those
 * of the etcd driver against bare writes to the same etcd, and the cache at its design point.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { systemClock } from "#base/clock.ts";
import type { StoreObject, Task } from "#model/objects.ts";
import { Cache } from "#store/cache.ts";
import { creation, replacement } from "#store/change.ts";
import { plainCodec, sealedCodec } from "#store/codec.ts";
import { EtcdClient } from "#store/etcd/client.ts";
import { openEtcdStore } from "#store/etcd/store.ts";
import { EtcdServer } from "#store/etcd/testing/etcd-server.ts";
import { openSqliteStore } from "#store/sqlite.ts";
import { MAX_OPERATIONS } from "#store/store.ts";
import { createAll, createOne, never } from "#store/testing/driver.ts";
import { node, service, task } from "#store/testing/samples.ts";
import type { Figure } from "./figure.ts";
import { median, milliseconds } from "./statistics.ts";

const COMMITS = 2_000;
const CONCURRENT = 50;
const ROUNDS = 5;
/** The part of the bare store's rate that is asked of commits. */
const OWN_RATE = 0.7;
const NODES = 5_000;
const SERVICES = 1_000;
const TASKS = 100_000;

const id = (prefix: string, number: number): string => prefix + String(number).padStart(25 - prefix.length, "0");

/** A task as a stack of services has them: about a kilobyte of JSON. */
function stackTask(number: number): Task {
  const owner = service(id("s", number % SERVICES));
  return task(id("t", number), {
    version: 1,
    serviceId: owner.id,
    nodeId: id("n", number % NODES),
    slot: 1 + Math.floor(number / SERVICES),
    spec: {
      ContainerSpec: {
        Image: `registry.example/app:1@sha256:${"a".repeat(64)}`,
        Labels: { "com.docker.stack.namespace": "shop" },
        Env: ["MODE=production", "REGION=north", "LEVEL=info"],
        Mounts: [{ Type: "volume", Source: "data", Target: "/data" }],
        Secrets: [{ SecretID: id("x", 1), SecretName: "key", File: { Name: "key", UID: "0", GID: "0", Mode: 0o444 } }],
      },
      Resources: { Limits: { NanoCPUs: 1e9 }, Reservations: { MemoryBytes: 1e8 } },
      RestartPolicy: { Condition: "any", Delay: 5e9 },
      Networks: [{ Target: id("w", 1), Aliases: ["app"] }],
      ForceUpdate: 0,
    },
    status: {
      state: "running",
      timestamp: 1_700_000_000_000,
      message: "started",
      container: { containerId: "c".repeat(64), pid: 1_234, exitCode: 0 },
    },
  });
}

/** How long `work` takes for each of `count` things, in µs. */
const microseconds = async (count: number, work: () => unknown): Promise<number> =>
  ((await milliseconds(work)) * 1_000) / count;

/** One row per transaction, with the wait for the disk that SQLite itself offers, and the driver's size of values. */
function bareTransactions(directory: string): Promise<number> {
  using database = new DatabaseSync(join(directory, "bare.db"));
  database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  database.exec("CREATE TABLE objects (id TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT");
  const insert = database.prepare("INSERT INTO objects VALUES (?, ?)");
  return microseconds(COMMITS, () => {
    for (let number = 0; number < COMMITS; number++) insert.run(id("t", number), plainCodec.encode(stackTask(number)));
  });
}

async function commitFigures(directory: string): Promise<Figure[]> {
  const baseline = { name: "bare SQLite", value: await bareTransactions(directory) };
  const codec = sealedCodec(new Uint8Array(32));
  await using store = await openSqliteStore(join(directory, "commits.db"), codec, { reserveLog: true });
  const alone = await microseconds(COMMITS, async () => {
    for (let number = 0; number < COMMITS; number++) await createOne(store, stackTask(number));
  });
  const together = await microseconds(5 * COMMITS, async () => {
    for (let number = COMMITS; number < 6 * COMMITS; number += CONCURRENT) {
      await Promise.all(Array.from({ length: CONCURRENT }, (_, index) => createOne(store, stackTask(number + index))));
    }
  });
  return [
    { name: "store: commits, one after the other", unit: "µs", ours: alone, baseline },
    { name: `store: commits, ${CONCURRENT} at once`, unit: "µs", ours: together, baseline },
  ];
}

/** A write that waits for nothing but etcd, of the driver's size. */
async function bareWrites(client: EtcdClient, from: number, count: number, atOnce: number): Promise<number> {
  const write = (number: number) =>
    client.call({ what: "writing to etcd" }, never, ({ kv }, options) =>
      kv.put({ key: Buffer.from(`/bare/${id("t", number)}`), value: plainCodec.encode(stackTask(number)) }, options),
    );
  return inGroups(from, count, atOnce, write);
}

/** How long each of `count` things takes, in µs, when `atOnce` of them are begun together. */
const inGroups = (from: number, count: number, atOnce: number, work: (number: number) => Promise<unknown>) =>
  microseconds(count, async () => {
    for (let number = from; number < from + count; number += atOnce) {
      await Promise.all(Array.from({ length: atOnce }, (_, index) => work(number + index)));
    }
  });

async function etcdFigures(): Promise<Figure[]> {
  await using server = await EtcdServer.start();
  using client = new EtcdClient(server.endpoint, systemClock);
  const codec = sealedCodec(new Uint8Array(32));
  await using store = await openEtcdStore({ endpoint: server.endpoint, codec }, never);
  const figures: Figure[] = [];
  for (const [name, from, atOnce, count] of [
    ["one after the other", 0, 1, COMMITS],
    [`${CONCURRENT} at once`, 5 * COMMITS, CONCURRENT, 5 * COMMITS],
  ] as const) {
    const [bare, ours]: [number[], number[]] = [[], []];
    // Turn and turn about: etcd slows down as it fills, and so does the disk.
    for (let round = 0; round < ROUNDS; round++) {
      const start = from + (round * count) / ROUNDS;
      bare.push(await bareWrites(client, start, count / ROUNDS, atOnce));
      ours.push(await inGroups(start, count / ROUNDS, atOnce, (number) => createOne(store, stackTask(number))));
    }
    const baseline = { name: "bare etcd", value: median(bare) };
    figures.push({
      name: `store on etcd: commits, ${name}`,
      unit: "µs",
      ours: median(ours),
      baseline,
      target: { ratio: 1 / OWN_RATE },
    });
  }
  return figures;
}

async function sizeFigures(directory: string): Promise<Figure[]> {
  const path = join(directory, "full.db");
  const codec = sealedCodec(new Uint8Array(32));
  {
    await using store = await openSqliteStore(path, codec);
    for (let number = 0; number < TASKS; number += MAX_OPERATIONS) {
      await createAll(
        store,
        Array.from({ length: MAX_OPERATIONS }, (_, index) => stackTask(number + index)),
      );
    }
  }
  const empty = await heapMegabytes();
  const began = performance.now();
  await using _store = await openSqliteStore(path, codec);
  const opened = (performance.now() - began) / 1_000;
  return [
    { name: "store: open with 100,000 tasks", unit: "s", ours: opened },
    { name: "store: memory with 100,000 tasks", unit: "MB", ours: (await heapMegabytes()) - empty },
  ];
}

/** What lives on the heap. Two collections, since the first may still find what the last turn of the event loop held. */
async function heapMegabytes(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let turn = 0; turn < 2; turn++) {
    await setImmediate();
    collect();
  }
  return process.memoryUsage().heapUsed / 1e6;
}

/** Through JSON, as stored objects are, since strings that were put together from parts weigh more. */
function clusterObjects(): readonly StoreObject[] {
  const made = [
    ...Array.from({ length: NODES }, (_, number) => node(id("n", number))),
    ...Array.from({ length: SERVICES }, (_, number) => service(id("s", number))),
    ...Array.from({ length: TASKS }, (_, number) => stackTask(number)),
  ];
  return made.map((object): StoreObject => JSON.parse(JSON.stringify(object)));
}

async function cacheFigures(): Promise<Figure[]> {
  const objects = clusterObjects();
  const full = await heapMegabytes();
  const cache = new Cache();
  const creating = await microseconds(objects.length, () =>
    cache.apply({ revision: 1, changes: objects.map(creation) }),
  );
  for (let number = 0; number < SERVICES; number++) for (const _ of cache.tasksOfSlot(id("s", number), "1")) break;
  const indexes = (await heapMegabytes()) - full;
  const moves = Array.from(cache.list("task"), (old) => ({ old, moved: { ...old, nodeId: id("n", 7) } }));
  const updating = await microseconds(TASKS, () => {
    for (const { old } of moves) cache.apply({ revision: 1, changes: [replacement(old, { ...old })] });
  });
  const moving = await microseconds(TASKS, () => {
    for (const { old, moved } of moves) cache.apply({ revision: 1, changes: [replacement(old, moved)] });
  });
  return [
    { name: "cache: objects created", unit: "µs", ours: creating },
    { name: "cache: updates that move nothing", unit: "µs", ours: updating },
    { name: "cache: updates that move a task to another node", unit: "µs", ours: moving },
    { name: "cache: all its indexes, without the objects", unit: "MB", ours: indexes },
  ];
}

export async function measureStore(say: (line: string) => void): Promise<readonly Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), "flotilla-bench-"));
  try {
    say("store: commits");
    const commits = await commitFigures(directory);
    say("store: commits to etcd");
    commits.push(...(await etcdFigures()));
    say("store: 100,000 tasks on disk");
    const sizes = await sizeFigures(directory);
    say("store: 100,000 tasks in the cache");
    return [...commits, ...sizes, ...(await cacheFigures())];
  } finally {
    rmSync(directory, { recursive: true });
  }
}
