/** The etcd driver of the store on an etcd that users run: several addresses, and TLS in both directions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openEtcdStore } from "#store/etcd/store.ts";
import { EtcdServer } from "#store/etcd/testing/etcd-server.ts";
import { createOne, never } from "#store/testing/driver.ts";
import { service, task } from "#store/testing/samples.ts";
import { sealed } from "#store/testing/sqlite-database.ts";
import { Certificates } from "./certificates.ts";
import { freePort } from "./free-port.ts";

test("a store with TLS; who shows no certificate, or does not trust the etcd's, is told so", async () => {
  using certificates = new Certificates();
  const address = `127.0.0.1:${await freePort()}`;
  await using _server = await EtcdServer.start({
    flags: [
      `--listen-client-urls=unix://client:0,https://${address}`,
      `--cert-file=${certificates.path("server.pem")}`,
      `--key-file=${certificates.path("server.key")}`,
      `--trusted-ca-file=${certificates.path("ca.pem")}`,
      "--client-cert-auth",
    ],
  });
  const ca = certificates.read("ca.pem");
  const tls = { ca, cert: certificates.read("client.pem"), key: certificates.read("client.key") };
  await using store = await openEtcdStore({ endpoint: { addresses: [address], tls }, codec: sealed }, never);
  const web = await createOne(store, service("web"));
  assert.deepEqual(await store.list("service", never), [web]);
  const { ca: _, ...untrusting } = tls;
  for (const wrong of [{ ca }, untrusting]) {
    const opening = openEtcdStore({ endpoint: { addresses: [address], tls: wrong }, codec: sealed }, never);
    await assert.rejects(opening, { code: "unavailable" });
  }
});

test("of several addresses those that answer are used, also when one stops to", async () => {
  const dead = `127.0.0.1:${await freePort()}`;
  const address = `127.0.0.1:${await freePort()}`;
  await using server = await EtcdServer.start({ flags: [`--listen-client-urls=unix://client:0,http://${address}`] });
  await using store = await openEtcdStore({ endpoint: { addresses: [dead, address] }, codec: sealed }, never);
  const first = await createOne(store, task("t1"));
  await server.kill();
  await server.start();
  const second = await createOne(store, task("t2"));
  assert.deepEqual(await store.list("task", never), [first, second]);
});
