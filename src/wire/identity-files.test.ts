import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { seededRandom } from "#base/random.ts";
import type { Credentials } from "./identity.ts";
import { readCredentials, removeCredentials, writeCredentials, writeTrustRoot } from "./identity-files.ts";
import { createKeyRequest, signNodeCertificate } from "./node-certificate.ts";
import { createRootCA } from "./root-certificate.ts";
import { createUnlockKey } from "./unlock-key.ts";

const random = seededRandom(1);
const unlockKey = createUnlockKey(random);
const clear = { unlockKey: undefined, random };

describe("identity files", () => {
  let base = "";
  let first: Credentials;
  let second: Credentials;

  before(async () => {
    base = await mkdtemp(join(tmpdir(), "flotilla-identity-"));
    const root = await createRootCA(0);
    const make = async (): Promise<Credentials> => {
      const { key, csr } = await createKeyRequest();
      const subject = { nodeId: "node", role: "worker", clusterId: "cluster" } as const;
      const chain = await signNodeCertificate(root, csr, subject, { now: 0, expiryMs: 3_600_000 });
      return { key, chain, trustRoot: root.certificate };
    };
    [first, second] = [await make(), await make()];
  });
  after(() => rm(base, { recursive: true, force: true }));

  test("come back as they were written, under Docker's names; the key is its owner's alone", async () => {
    const directory = join(base, "plain");
    assert.deepEqual(await readCredentials(directory), { state: "none" });
    await writeCredentials(directory, first, clear);
    assert.deepEqual(await readCredentials(directory), { state: "ready", credentials: first });
    assert.equal((await stat(join(directory, "swarm-node.key"))).mode & 0o777, 0o600);
    assert.equal(await readFile(join(directory, "swarm-node.crt"), "utf8"), first.chain);
    await writeCredentials(directory, second, clear);
    assert.deepEqual(await readCredentials(directory), { state: "ready", credentials: second });
    await removeCredentials(directory);
    assert.deepEqual(await readCredentials(directory), { state: "none" });
  });

  test("with autolock, the key is unreadable without the unlock key", async () => {
    const directory = join(base, "sealed");
    await writeCredentials(directory, first, { unlockKey, random });
    assert.doesNotMatch(await readFile(join(directory, "swarm-node.key"), "utf8"), /PRIVATE KEY/);
    assert.deepEqual(await readCredentials(directory), { state: "locked" });
    await assert.rejects(readCredentials(directory, createUnlockKey(random)), { code: "unauthenticated" });
    assert.deepEqual(await readCredentials(directory, unlockKey), { state: "ready", credentials: first });
  });

  const crashes: readonly { name: string; chain: () => string; want: () => Credentials }[] = [
    { name: "before the certificate was replaced", chain: () => first.chain, want: () => first },
    { name: "after the certificate was replaced", chain: () => second.chain, want: () => second },
  ];
  for (const { name, chain, want } of crashes) {
    test(`a crash ${name} leaves a pair that fits`, async () => {
      const directory = join(base, name);
      await writeCredentials(directory, first, clear);
      await writeFile(join(directory, "swarm-node.key.next"), second.key);
      await writeFile(join(directory, "swarm-node.crt"), chain());
      assert.deepEqual(await readCredentials(directory), { state: "ready", credentials: want() });
    });
  }

  test("a missing or foreign key is said so", async () => {
    const directory = join(base, "broken");
    await writeCredentials(directory, first, clear);
    await writeFile(join(directory, "swarm-node.key"), second.key);
    await assert.rejects(readCredentials(directory), { code: "internal", message: /swarm-node\.key .*leave and join/ });
  });

  test("the trusted roots can be replaced alone", async () => {
    const directory = join(base, "root");
    await writeCredentials(directory, first, clear);
    await writeTrustRoot(directory, second.chain);
    const stored = await readCredentials(directory);
    assert.deepEqual(stored, { state: "ready", credentials: { ...first, trustRoot: second.chain } });
  });
});
