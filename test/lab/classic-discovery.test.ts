/** Discovery and election by a real etcd. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { errorCode } from "#base/errors.ts";
import { discoveryContract } from "#classic/discovery/contract.ts";
import { EtcdDiscovery } from "#classic/discovery/etcd-discovery.ts";
import { etcdPlace } from "#classic/discovery/etcd-place.ts";
import { EtcdElection } from "#classic/etcd-election.ts";
import { EtcdClient } from "#store/etcd/client.ts";
import type { EtcdEndpoint } from "#store/etcd/endpoint.ts";
import { startingWith } from "#store/etcd/keys.ts";
import { bytes, put } from "#store/etcd/requests.ts";
import { EtcdServer } from "#store/etcd/testing/etcd-server.ts";
import { Link } from "#store/etcd/testing/link.ts";
import { never } from "#store/testing/driver.ts";
import { Certificates } from "./certificates.ts";
import { eventually } from "./cluster.ts";
import { freePort } from "./free-port.ts";

const server = await EtcdServer.start();
after(() => server[Symbol.asyncDispose]());
const client = new EtcdClient(server.endpoint, systemClock);
after(() => client[Symbol.dispose]());

let prefixes = 0;

async function write(key: string, value: string): Promise<void> {
  await client.call({ what: "writing" }, never, (member, own) =>
    member.kv.txn({ success: [put(key, bytes(value))] }, own),
  );
}

discoveryContract(
  "etcd",
  async (addresses) => {
    const prefix = `/p${++prefixes}/docker/swarm/nodes/`;
    const { key, end } = startingWith(prefix);
    const replace = async (list: readonly string[]) => {
      const range = { key: bytes(key), rangeEnd: bytes(end) };
      await client.call({ what: "deleting" }, never, (member, own) => member.kv.deleteRange(range, own));
      for (const addr of list) await write(prefix + addr, addr);
    };
    await replace(addresses);
    const discovery = new EtcdDiscovery({ endpoint: server.endpoint, engines: prefix }, systemClock);
    return { discovery, replace, [Symbol.asyncDispose]: () => discovery[Symbol.asyncDispose]() };
  },
  { changes: true, registers: true },
);

test("an etcd that cannot be reached is told, and watched again when it can", async () => {
  await using link = await Link.open(server.endpoint);
  const prefix = "/cut/docker/swarm/nodes/";
  await write(`${prefix}h1:2375`, "h1:2375");
  await using discovery = new EtcdDiscovery({ endpoint: link.endpoint, engines: prefix }, systemClock);
  const lists = discovery.watch(never)[Symbol.asyncIterator]();
  assert.deepEqual((await lists.next()).value, new Set(["h1:2375"]));
  await link.cut();
  await assert.rejects(lists.next(), { code: "unavailable" });
  await assert.rejects(discovery.register("h2:2375", 10_000, never), { code: "unavailable" });
  await link.mend();
  await discovery.register("h2:2375", 10_000, never);
  const again = discovery.watch(never)[Symbol.asyncIterator]();
  assert.deepEqual((await again.next()).value, new Set(["h1:2375", "h2:2375"]));
});

test("keys are where classic Swarm's were, below the prefix and the path that were asked for", async () => {
  const address = `127.0.0.1:${await freePort()}`;
  await using own = await EtcdServer.start({ flags: [`--listen-client-urls=unix://client:0,http://${address}`] });
  using reader = new EtcdClient(own.endpoint, systemClock);
  const keys = async () => {
    const { kvs } = await reader.call({ what: "reading" }, never, (member, options) =>
      member.kv.range({ key: bytes("/"), rangeEnd: bytes("0") }, options),
    );
    return kvs.map(({ key, value }) => [key, value].map((part) => Buffer.from(part).toString()).join("="));
  };
  const register = async (rest: string, options = new Map<string, string>()) => {
    await using discovery = new EtcdDiscovery(etcdPlace(rest, options), systemClock);
    await discovery.register("h1:2375", 10_000, never);
  };
  await register(address);
  await register(`${address}/a/b/`);
  await register(`${address}/a`, new Map([["kv.path", "engines"]]));
  assert.deepEqual(await keys(), [
    "/a/b/docker/swarm/nodes/h1:2375=h1:2375",
    "/a/engines/h1:2375=h1:2375",
    "/docker/swarm/nodes/h1:2375=h1:2375",
  ]);
});

test("etcd is reached with the certificates of the options", async () => {
  using certificates = new Certificates();
  const address = `127.0.0.1:${await freePort()}`;
  await using _own = await EtcdServer.start({
    flags: [
      `--listen-client-urls=unix://client:0,https://${address}`,
      `--cert-file=${certificates.path("server.pem")}`,
      `--key-file=${certificates.path("server.key")}`,
      `--trusted-ca-file=${certificates.path("ca.pem")}`,
      "--client-cert-auth",
    ],
  });
  const files = { "kv.cacertfile": "ca.pem", "kv.certfile": "client.pem", "kv.keyfile": "client.key" };
  const options = new Map(Object.entries(files).map(([name, file]) => [name, certificates.path(file)]));
  await using discovery = new EtcdDiscovery(etcdPlace(address, options), systemClock);
  await discovery.register("h1:2375", 10_000, never);
  await using stranger = new EtcdDiscovery(etcdPlace(address, new Map()), systemClock);
  await assert.rejects(stranger.register("h1:2375", 10_000, never), { code: "unavailable" });
});

/** A lease that no test outlasts. */
const LONG_MS = 600_000;

/** A candidate for the leadership below a prefix, and who it says leads. */
class Candidate {
  readonly #stop = new AbortController();
  readonly #election: EtcdElection;
  readonly told: (string | undefined)[] = [];
  readonly ended: Promise<unknown>;

  constructor(endpoint: EtcdEndpoint, prefix: string, addr: string, ttlMs: number) {
    const leader = `/${prefix}/docker/swarm/leader`;
    this.#election = new EtcdElection({ endpoint, leader }, addr, ttlMs, systemClock);
    this.ended = this.#run();
  }

  async #run(): Promise<unknown> {
    try {
      for await (const leader of this.#election.leaders(this.#stop.signal)) this.told.push(leader);
      return undefined;
    } catch (err) {
      return err;
    }
  }

  async says(leader: string): Promise<void> {
    await eventually(`${leader} leads, and not ${this.told.join()}`, () => this.told.at(-1) === leader);
  }

  async resign(): Promise<void> {
    this.#stop.abort(new Error("enough"));
    await this.ended;
    await this.#election[Symbol.asyncDispose]();
  }
}

test("of several managers one leads; who resigns makes room at once", async () => {
  const [first, second] = ["m1:1", "m2:1"].map((addr) => new Candidate(server.endpoint, "resign", addr, LONG_MS));
  assert.ok(first && second);
  await eventually("one leads", () => first.told.length > 0 && second.told.length > 0);
  assert.deepEqual(first.told, second.told);
  const [leader, other] = first.told[0] === "m1:1" ? [first, second] : [second, first];
  await leader.resign();
  await other.says(other === first ? "m1:1" : "m2:1");
  const third = new Candidate(server.endpoint, "resign", "m3:1", LONG_MS);
  await third.says(other === first ? "m1:1" : "m2:1");
  await other.resign();
  await third.says("m3:1");
  await third.resign();
});

test("a leader that is cut off knows that it may lead no more, and another one does", async () => {
  await using link = await Link.open(server.endpoint);
  const first = new Candidate(link.endpoint, "cut-off", "m1:1", 2_000);
  await first.says("m1:1");
  const second = new Candidate(server.endpoint, "cut-off", "m2:1", 2_000);
  await second.says("m1:1");
  await link.cut();
  assert.equal(errorCode(await first.ended), "unavailable");
  await second.says("m2:1");
  await first.resign();
  await second.resign();
});
