/**
 * What several managers cost and give, on real hosts: writes of one manager and of three against the bare store in the
 * same run, how long it takes until another manager leads, and how reads scale.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "#base/clock.ts";
import { EngineClient } from "#engine/http-client.ts";
import type { LabHost } from "#lab/host.ts";
import { Lab } from "#lab/lab.ts";
import { untilServing } from "#lab/serving.ts";
import { downAbandoned } from "#lab/teardown.ts";
import { EtcdClient } from "#store/etcd/client.ts";
import { CpuShare } from "./cpu-share.ts";
import type { Figure } from "./figure.ts";
import { poll } from "./poll.ts";
import { serviceSpec } from "./services.ts";
import { median, milliseconds } from "./statistics.ts";

const WRITES = 500;
const AT_ONCE = 32;
const READS = 600;
const FAILOVERS = 20;
/** Services that every list has in it. */
const LISTED = 50;
/** Creations before those that are timed, so that the daemon's code is compiled. */
const WARM_UPS = 4;
/** The part of the bare store's rate that is asked of the creation of services, by clients enough to keep it busy. */
const OWN_RATE = 0.7;
/** Three managers answer at least half as many reads more than one: all of them ask the same store what is new. */
const READS_RATIO = 0.67;
/** Longer than any failover that is one, in s. */
const FAILOVER_S = 3;

/** What many calls of one kind took. */
interface Times {
  /** Per call, at the rate that was reached, in µs. */
  readonly eachUs: number;
  /** What 99 of 100 took at most, in ms. */
  readonly p99Ms: number;
}

/** Makes `count` calls, always `atOnce` of them at a time. */
async function timeCalls(count: number, atOnce: number, work: (index: number) => unknown): Promise<Times> {
  const times: number[] = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const index = next++;
      times.push(await milliseconds(() => work(index)));
    }
  };
  const total = await milliseconds(() => Promise.all(Array.from({ length: atOnce }, worker)));
  const sorted = times.toSorted((left, right) => left - right);
  return { eachUs: (total * 1_000) / count, p99Ms: sorted[Math.floor(count * 0.99)] ?? Number.NaN };
}

/** As long as a service without tasks is in the store. */
const VALUE = Buffer.alloc(1_000, 7);

/** One row in each transaction, which waits for the disk. */
async function timeBareSqlite(host: LabHost): Promise<Times> {
  const directory = mkdtempSync(join(host.data, "bare-"));
  try {
    using database = new DatabaseSync(join(directory, "bare.db"));
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    database.exec("CREATE TABLE objects (id INTEGER PRIMARY KEY, value BLOB NOT NULL) STRICT");
    const insert = database.prepare("INSERT INTO objects VALUES (?, ?)");
    return await timeCalls(WRITES, 1, (index) => insert.run(index, VALUE));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Where a daemon's own etcd listens, inside its host. */
const ETCD_SOCKET = "run/flotilla/etcd/client:0";

/** The etcd of a manager's own, by the socket that its daemon uses, in the directories that only its host sees. */
const openEtcd = (host: LabHost): EtcdClient =>
  new EtcdClient({ socket: `/proc/${host.daemon.pid}/root/${ETCD_SOCKET}` }, systemClock);

async function timeBareEtcd(host: LabHost, atOnce: number, signal: AbortSignal): Promise<Times> {
  using client = openEtcd(host);
  return await timeCalls(WRITES, atOnce, (index) =>
    client.call({ what: "writing to etcd" }, signal, ({ kv }, options) =>
      kv.put({ key: Buffer.from(`/bare/${index}`), value: VALUE }, options),
    ),
  );
}

const clientOf = (host: LabHost): EngineClient => new EngineClient(`unix://${host.daemonSocket}`);

let created = 0;

/** Creates services without tasks, and removes them again. */
async function timeCreations(host: LabHost, atOnce: number, signal: AbortSignal): Promise<Times> {
  using api = clientOf(host);
  const names = Array.from({ length: WRITES }, () => `bench-${created++}`);
  const times = await timeCalls(WRITES, atOnce, (index) =>
    api.json({ method: "POST", path: "/services/create", body: serviceSpec(names[index] ?? "", "none", 0) }, signal),
  );
  await timeCalls(WRITES, AT_ONCE, (index) =>
    api.json({ method: "DELETE", path: `/services/${names[index]}` }, signal),
  );
  return times;
}

/** Of one processor, for each daemon: three of them and their client need no more than this machine may have. */
const READER_SHARE = 0.25;

/** Lists services, as fast as all the hosts together answer, when each has the same small part of a processor. */
async function timeReads(hosts: readonly LabHost[], signal: AbortSignal): Promise<Times> {
  using shares = new DisposableStack();
  for (const { name, daemon } of hosts) shares.use(new CpuShare(name, Number(daemon.pid), READER_SHARE));
  return await timeLists(hosts, signal);
}

async function timeLists(hosts: readonly LabHost[], signal: AbortSignal): Promise<Times> {
  const clients = hosts.map(clientOf);
  try {
    return await timeCalls(READS, 4 * hosts.length, (index) =>
      clients[index % clients.length]?.json({ method: "GET", path: "/services" }, signal),
    );
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
}

interface NodeJson {
  readonly Description: { readonly Hostname: string };
  readonly ManagerStatus?: { readonly Leader?: boolean; readonly Reachability: string };
}

async function managersSeenBy(host: LabHost, signal: AbortSignal): Promise<readonly NodeJson[]> {
  using api = clientOf(host);
  const all = await api.json<readonly NodeJson[]>({ method: "GET", path: "/nodes" }, signal).catch(() => []);
  return all.filter(({ ManagerStatus }) => ManagerStatus !== undefined);
}

const leaderSeenBy = async (host: LabHost, signal: AbortSignal): Promise<string | undefined> =>
  (await managersSeenBy(host, signal)).find(({ ManagerStatus }) => ManagerStatus?.Leader)?.Description.Hostname;

/** Loses the leader's daemon and etcd at once; how long until another leads, in ms. The lost ones then come back. */
async function failOver(hosts: readonly LabHost[], signal: AbortSignal): Promise<number> {
  const [first] = hosts;
  if (first === undefined) throw new Error("there are no managers");
  const name = await leaderSeenBy(first, signal);
  const leader = hosts.find((host) => host.name === name);
  const other = hosts.find((host) => host.name !== name);
  if (leader === undefined || other === undefined) throw new Error("nobody leads");
  const took = await milliseconds(async () => {
    await leader.exec(["sh", "-c", "kill -9 $(pidof etcd)"], signal);
    await leader.daemon.kill(signal);
    await poll("another leader", async () => ![undefined, name].includes(await leaderSeenBy(other, signal)), signal);
  });
  await leader.daemon.restart(signal);
  await untilServing(leader.daemon, leader.daemonSocket, signal);
  const isWhole = async () => {
    const seen = await Promise.all(hosts.map((host) => managersSeenBy(host, signal)));
    return seen.every(
      (managers) =>
        managers.filter(({ ManagerStatus }) => ManagerStatus?.Reachability === "reachable").length === hosts.length,
    );
  };
  await poll("all managers", isWhole, signal);
  return took;
}

async function formFirst(host: LabHost, signal: AbortSignal): Promise<void> {
  await host.flotilla(["swarm", "init", "--advertise-addr", host.address], signal);
}

async function joinManager(host: LabHost, first: LabHost, signal: AbortSignal): Promise<void> {
  const token = (await first.flotilla(["swarm", "join-token", "--quiet", "manager"], signal)).trim();
  await host.flotilla(["swarm", "join", "--token", token, `${first.address}:2377`], signal);
}

/** A single client never sees the store's rate: it waits for its own call's way there and back each time. */
function writeFigures(who: string, atOnce: number, ours: Times, name: string, bare: Times): Figure[] {
  const what = `${who}: create a service, ${atOnce === 1 ? "one after the other" : `${atOnce} at once`}`;
  return [
    {
      name: what,
      unit: "µs",
      ours: ours.eachUs,
      baseline: { name, value: bare.eachUs },
      ...(atOnce > 1 && { target: { ratio: 1 / OWN_RATE } }),
    },
    { name: `${what}, p99`, unit: "ms", ours: ours.p99Ms, baseline: { name, value: bare.p99Ms } },
  ];
}

/** Code that runs for the first times is slow. */
async function warmUp(host: LabHost, signal: AbortSignal): Promise<void> {
  for (let round = 0; round < WARM_UPS; round++) await timeCreations(host, AT_ONCE, signal);
}

export async function measureManagers(say: (line: string) => void, signal: AbortSignal): Promise<readonly Figure[]> {
  await downAbandoned(signal);
  say("managers: starting three hosts");
  await using lab = await Lab.start({ name: "benchmanagers", temporary: true }, signal);
  await Promise.all(lab.hosts.map((host) => host.startDaemon([], signal)));
  const [first, ...others] = lab.hosts;
  if (first === undefined) throw new Error("the lab has no hosts");
  const figures: Figure[] = [];
  await formFirst(first, signal);
  say("managers: writes of one");
  await warmUp(first, signal);
  const sqlite = await timeBareSqlite(first);
  for (const atOnce of [1, AT_ONCE]) {
    const ours = await timeCreations(first, atOnce, signal);
    figures.push(...writeFigures("one manager", atOnce, ours, "bare SQLite", sqlite));
  }
  for (const host of others) await joinManager(host, first, signal);
  say("managers: writes of three");
  await warmUp(first, signal);
  for (const atOnce of [1, AT_ONCE]) {
    const bare = await timeBareEtcd(first, atOnce, signal);
    const ours = await timeCreations(first, atOnce, signal);
    figures.push(...writeFigures("three managers", atOnce, ours, "bare etcd", bare));
  }
  say("managers: reads");
  using api = clientOf(first);
  for (let index = 0; index < LISTED; index++) {
    await api.json({ method: "POST", path: "/services/create", body: serviceSpec(`l${index}`, "none", 0) }, signal);
  }
  for (const hosts of [[first], lab.hosts]) await timeReads(hosts, signal);
  const alone = await timeReads([first], signal);
  const together = await timeReads(lab.hosts, signal);
  const baseline = { name: "by one of them", value: alone.eachUs };
  figures.push({
    name: `list 50 services, by three managers with ${READER_SHARE} of a processor each`,
    unit: "µs",
    ours: together.eachUs,
    baseline,
    target: { ratio: READS_RATIO },
  });
  const failovers: number[] = [];
  for (let trial = 1; trial <= FAILOVERS; trial++) {
    failovers.push(await failOver(lab.hosts, signal));
    say(`managers: failover ${trial} of ${FAILOVERS}: ${((failovers.at(-1) ?? 0) / 1_000).toFixed(2)} s`);
  }
  const target = { most: FAILOVER_S };
  return [
    ...figures,
    {
      name: `lost leader until another leads, middle of ${FAILOVERS}`,
      unit: "s",
      ours: median(failovers) / 1_000,
      target,
    },
    { name: "lost leader until another leads, longest", unit: "s", ours: Math.max(...failovers) / 1_000, target },
  ];
}
