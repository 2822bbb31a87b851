/** The etcd driver of the store on an etcd that users run: several addresses, and TLS in both directions. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openEtcdStore } from "#store/etcd/store.ts";
import { EtcdServer } from "#store/etcd/testing/etcd-server.ts";
import { createOne, never } from "#store/testing/driver.ts";
import { service, task } from "#store/testing/samples.ts";
import { sealed } from "#store/testing/sqlite-database.ts";

/** A port of the loopback that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}

function openssl(directory: string, ...args: string[]): void {
  const { status, stderr } = spawnSync("openssl", args, { cwd: directory });
  assert.equal(status, 0, String(stderr));
}

/** An authority, and the certificates of a server at 127.0.0.1 and of a client. */
class Certificates implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "flotilla-tls-"));

  constructor() {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    openssl(this.directory, "req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca");
    for (const name of ["server", "client"]) {
      writeFileSync(join(this.directory, `${name}.ext`), "subjectAltName=IP:127.0.0.1\n");
      openssl(this.directory, "req", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
      const authority = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
      const files = ["-in", `${name}.csr`, "-out", `${name}.pem`, "-extfile", `${name}.ext`];
      openssl(this.directory, "x509", "-req", ...authority, ...files);
    }
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), "utf8");
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true });
  }
}

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
