import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadTls, readTls } from "./tls-options.ts";

const FILES = { tlscacert: "ca.pem", tlscert: "cert.pem", tlskey: "key.pem" };

test("what is served with is what the files hold, and an authority only where clients are verified", async () => {
  const directory = await mkdtemp(join(tmpdir(), "flotilla-tls-"));
  try {
    for (const name of Object.values(FILES)) await writeFile(join(directory, name), `PEM of ${name}`);
    const paths = Object.fromEntries(Object.entries(FILES).map(([flag, name]) => [flag, join(directory, name)]));
    const load = (mode: object) => loadTls(readTls({ ...paths, ...mode }) ?? assert.fail("TLS was asked for"));
    const own = { cert: "PEM of cert.pem", key: "PEM of key.pem" };
    assert.deepEqual(load({ tlsverify: true }), { ...own, ca: "PEM of ca.pem" });
    assert.deepEqual(load({ tls: true }), own);
    assert.throws(() => loadTls({ verify: false, ca: "", cert: join(directory, "no.pem"), key: "" }), {
      code: "invalid",
      message: /cannot read .*no\.pem/,
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("options of TLS that do not go together are refused", () => {
  assert.equal(readTls({}), undefined);
  assert.throws(() => readTls({ tlsverify: true, tlscert: "c", tlskey: "k" }), /TLS needs --tlscacert/);
  assert.throws(() => readTls({ tls: true }), /TLS needs --tlscert/);
  assert.throws(() => readTls({ tlskey: "k" }), /--tlskey goes with --tlsverify or --tls/);
});
