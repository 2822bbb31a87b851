/** Discovery by a real etcd. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { discoveryContract } from "#classic/discovery/contract.ts";
import { EtcdDiscovery, etcdDiscovery } from "#classic/discovery/etcd-discovery.ts";
import { EtcdClient } from "#store/etcd/client.ts";
import { startingWith } from "#store/etcd/keys.ts";
import { bytes, put } from "#store/etcd/requests.ts";
import { EtcdServer } from "#store/etcd/testing/etcd-server.ts";
import { Link } from "#store/etcd/testing/link.ts";
import { never } from "#store/testing/driver.ts";
import { Certificates } from "./certificates.ts";
import { freePort } from "./free-port.ts";

const server = await EtcdServer.start();
after(() => server[Symbol.asyncDispose]());
const client = new EtcdClient(server.endpoint, systemClock);
after(() => client[Symbol.dispose]());

const deps = { clock: systemClock, heartbeatMs: 1_000, options: new Map<string, string>() };
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
    const discovery = new EtcdDiscovery(server.endpoint, prefix, deps);
    return { discovery, replace, [Symbol.asyncDispose]: () => discovery[Symbol.asyncDispose]() };
  },
  { changes: true, registers: true },
);

test("an etcd that cannot be reached is told, and watched again when it can", async () => {
  await using link = await Link.open(server.endpoint);
  const prefix = "/cut/docker/swarm/nodes/";
  await write(`${prefix}h1:2375`, "h1:2375");
  await using discovery = new EtcdDiscovery(link.endpoint, prefix, deps);
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
    await using discovery = etcdDiscovery(rest, { ...deps, options });
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
  await using discovery = etcdDiscovery(address, { ...deps, options });
  await discovery.register("h1:2375", 10_000, never);
  await using stranger = etcdDiscovery(address, deps);
  await assert.rejects(stranger.register("h1:2375", 10_000, never), { code: "unavailable" });
});
